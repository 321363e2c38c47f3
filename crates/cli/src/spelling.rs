//! `--max_length` and `--max-length` are the same flag: people come from Python's scripts and from
//! other commands, and neither spelling is wrong.

use clap::Command;

/// Gives every flag of the command and its subcommands its other spelling, unseen in the help.
pub fn both(command: Command) -> Command {
    command
        .mut_args(|arg| {
            let Some(long) = arg.get_long() else {
                return arg;
            };
            let other = if long.contains('_') {
                long.replace('_', "-")
            } else {
                long.replace('-', "_")
            };
            if other == long { arg } else { arg.alias(other) }
        })
        .mut_subcommands(both)
}

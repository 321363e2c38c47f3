//! What has started this process, as its environment tells.

use crate::MpiError;

/// A launcher of processes that know of each other.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Launcher {
    /// What it is and the variable by which that is known, for messages.
    pub name: String,
    pub family: Family,
    /// How many processes it has started, where it tells.
    pub size: Option<usize>,
}

/// Whose libraries understand what a launcher tells its processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    OpenMpi,
    /// MPICH and what derives from it: Intel MPI, MVAPICH, Cray's.
    Mpich,
    /// A batch system, which any of them may understand.
    Any,
}

impl Launcher {
    /// The one that the environment speaks of; `None` where there is none.
    ///
    /// # Errors
    /// Where Slurm has started several processes that know nothing of each other.
    pub(crate) fn find(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, MpiError> {
        let number = |name: &str| variable(name)?.trim().parse().ok();
        let in_slurm = variable("SLURM_PROCID").is_some();
        let tasks = number("SLURM_STEP_NUM_TASKS").filter(|_| in_slurm);
        let launcher = |name: &str, by: &str, family, size| {
            let name = format!("{name} ({by} is set)");
            Ok(Some(Self { name, family, size }))
        };
        let batch = match in_slurm {
            true => "Slurm",
            false => "PMIx",
        };
        // Open MPI's launcher first: below Slurm it starts its daemons by srun, which sets some of the others.
        if variable("OMPI_COMM_WORLD_SIZE").is_some() {
            let size = number("OMPI_COMM_WORLD_SIZE");
            return launcher("Open MPI", "OMPI_COMM_WORLD_SIZE", Family::OpenMpi, size);
        }
        for by in ["PMI_SIZE", "PMI_RANK"] {
            if variable(by).is_some() {
                let size = number("PMI_SIZE").or(tasks);
                return match in_slurm {
                    true => launcher(batch, by, Family::Any, size),
                    false => launcher("MPICH's launcher", by, Family::Mpich, size),
                };
            }
        }
        if variable("PMIX_RANK").is_some() {
            return launcher(batch, "PMIX_RANK", Family::Any, tasks);
        }
        match tasks {
            Some(tasks) if tasks > 1 => Err(MpiError::SlurmAlone { tasks }),
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn find(environment: &[(&str, &str)]) -> Result<Option<Launcher>, MpiError> {
        Launcher::find(|wanted| {
            let found = environment.iter().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn launchers_are_known_by_what_they_set() {
        let family = |environment: &[(&str, &str)]| {
            let launcher = find(environment).unwrap().unwrap();
            (launcher.family, launcher.size)
        };
        let open_mpi = [
            ("OMPI_COMM_WORLD_SIZE", "4"),
            ("PMIX_RANK", "0"),
            ("SLURM_PROCID", "0"),
            ("SLURM_STEP_NUM_TASKS", "2"),
        ];
        assert_eq!(family(&open_mpi), (Family::OpenMpi, Some(4)));
        let hydra = [("PMI_RANK", "1"), ("PMI_SIZE", "2")];
        assert_eq!(family(&hydra), (Family::Mpich, Some(2)));
        let srun = [
            ("SLURM_PROCID", "3"),
            ("SLURM_STEP_NUM_TASKS", "8"),
            ("PMIX_RANK", "3"),
        ];
        assert_eq!(family(&srun), (Family::Any, Some(8)));
        let srun = [&srun[..2], &[("PMI_RANK", "3")]].concat();
        assert_eq!(family(&srun), (Family::Any, Some(8)));
        assert_eq!(family(&[("PMIX_RANK", "0")]), (Family::Any, None));
        let odd = [("OMPI_COMM_WORLD_SIZE", "many")];
        assert_eq!(family(&odd), (Family::OpenMpi, None));
    }

    #[test]
    fn a_process_without_a_launcher_is_alone_unless_slurm_has_started_several() {
        assert_eq!(find(&[]).unwrap(), None);
        // In a job's script, before any srun.
        let script = [("SLURM_PROCID", "0"), ("SLURM_NTASKS", "8")];
        assert_eq!(find(&script).unwrap(), None);
        let one = [("SLURM_PROCID", "0"), ("SLURM_STEP_NUM_TASKS", "1")];
        assert_eq!(find(&one).unwrap(), None);
        let several = [("SLURM_PROCID", "0"), ("SLURM_STEP_NUM_TASKS", "8")];
        let message = find(&several).unwrap_err().to_string();
        assert!(
            message.contains("srun has started 8 processes"),
            "{message}"
        );
        assert!(message.contains("--mpi=pmix"), "{message}");
    }
}

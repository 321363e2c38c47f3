//! A screen that nobody sees, for the test of the desktop app: Xvfb, a bus with assistive technology on
//! it, and a hand for the mouse.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::apt::{self, System};

/// What has to be there, and the package of Debian that brings it. The libraries are those that a window
/// loads when it is opened.
const NEEDED: [(&str, &str); 9] = [
    ("bin/Xvfb", "xvfb"),
    ("bin/xdotool", "xdotool"),
    ("bin/dbus-daemon", "dbus-daemon"),
    ("libexec/at-spi-bus-launcher", "at-spi2-core"),
    ("libX11-xcb.so.1", "libx11-xcb1"),
    ("libxkbcommon-x11.so.0", "libxkbcommon-x11-0"),
    ("libXcursor.so.1", "libxcursor1"),
    ("libXi.so.6", "libxi6"),
    ("libXrandr.so.2", "libxrandr2"),
];

/// Sees to all of it, installing what is missing where that is possible.
///
/// # Errors
/// When something is missing and can't be installed; the message holds the exact command.
pub fn ready() -> Result<()> {
    let missing = missing();
    if !cfg!(target_os = "linux") || missing.is_empty() {
        return Ok(());
    }
    eprintln!("no {} here", missing.join(", "));
    if !System::here().is("debian") {
        bail!(
            "install {} with this system's package manager",
            missing.join(", ")
        );
    }
    apt::as_root(&apt::install("", &missing)).context("installing a screen for the desktop app")
}

fn missing() -> Vec<&'static str> {
    let places = [
        "/usr",
        "/usr/local",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/lib64",
        "/usr/lib",
    ];
    let there = |name: &str| {
        places
            .iter()
            .any(|place| Path::new(place).join(name).exists())
    };
    let absent = NEEDED.iter().filter(|(name, _)| !there(name));
    absent.map(|(_, package)| *package).collect()
}

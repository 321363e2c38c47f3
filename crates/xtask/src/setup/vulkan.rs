//! The graphics driver: wgpu's tests and the demo's parity check need a Vulkan adapter, and Mesa's
//! lavapipe is one that computes on the CPU.
//!
//! Drivers are found as Vulkan's loader finds them, by their manifests, so that nothing needs to be
//! built or installed to ask.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::apt::{self, System};
use crate::shell::Cmd;

/// The Vulkan version, as lavapipe's manifest gives it, from which its kernels can be trusted: that
/// of Mesa 24.0. Mesa 22.3, which Debian 12 has, is too old.
const OLDEST: [u32; 3] = [1, 3, 274];

/// PCI's vendor number of the virtual card of a virtual machine, which computes nothing by itself.
const VIRTIO: &str = "0x1af4";

/// Whether this machine has a GPU that wgpu can be expected to find.
///
/// Outside Linux the system brings the driver: true. It decides only how much the demo takes on;
/// which device a run really got stands in its events.
pub fn has_gpu() -> bool {
    if !cfg!(target_os = "linux") {
        return true;
    }
    let driver = manifests(&folders())
        .iter()
        .any(|path| !is_lavapipe(path) && !is_virtual(path));
    driver && has_card(Path::new("/sys/class/drm"))
}

/// Sees to a software Vulkan adapter that is new enough, installing it where that is possible.
///
/// # Errors
/// When there is none and it can't be installed; the message holds the exact command.
pub fn software() -> Result<()> {
    if !cfg!(target_os = "linux") || ready() {
        return Ok(());
    }
    match lavapipe(&folders()) {
        Some(version) => eprintln!(
            "software Vulkan is too old here (its driver speaks {}, needed is {})",
            dotted(version),
            dotted(OLDEST)
        ),
        None => eprintln!("no software Vulkan here"),
    }
    let system = System::here();
    if system.is("debian") && sources().is_none_or(|sources| sources.is_empty()) {
        // apt knows its sources from the lists, which the image of a container comes without.
        apt::as_root("apt-get update").context("asking apt for its packages")?;
    }
    let Some(script) = recipe(&system, mirror(&system.codename).as_deref()) else {
        bail!(
            "install Mesa's software Vulkan driver, lavapipe, 24.0 or later, with this system's \
             package manager, and the Vulkan loader (libvulkan.so.1)"
        );
    };
    if !system.is("debian") {
        bail!("install it with: {}", apt::by_hand(&script));
    }
    apt::as_root(&script).context("installing software Vulkan")?;
    if !ready() {
        bail!(
            "software Vulkan is still missing or too old after `{script}`; see which drivers lie \
             in /usr/share/vulkan/icd.d"
        );
    }
    Ok(())
}

fn ready() -> bool {
    let loader = ["ldconfig", "/sbin/ldconfig"]
        .into_iter()
        .find_map(|program| Cmd::new(program).arg("-p").stdout().ok())
        // A system without ldconfig keeps libraries its own way; its driver package knows.
        .is_none_or(|libraries| libraries.contains("libvulkan.so.1"));
    loader && lavapipe(&folders()).is_some_and(|version| version >= OLDEST)
}

/// The script that installs lavapipe; `mirror` is where this Debian fetches its packages from.
fn recipe(system: &System, mirror: Option<&str>) -> Option<String> {
    let debian = ["mesa-vulkan-drivers", "libvulkan1"];
    if system.codename == "bookworm" {
        let add = mirror.map_or_else(String::new, |mirror| {
            format!(
                "echo 'deb {mirror} bookworm-backports main' \
                 > /etc/apt/sources.list.d/bookworm-backports.list && "
            )
        });
        return Some(add + &apt::install("-t bookworm-backports ", &debian));
    }
    if system.is("debian") {
        return Some(apt::install("", &debian));
    }
    let script = match system {
        _ if system.is("fedora") => "dnf install -y mesa-vulkan-drivers vulkan-loader",
        _ if system.is("arch") => "pacman -S --noconfirm vulkan-swrast vulkan-icd-loader",
        _ if system.is("suse") => "zypper install -y libvulkan_lvp libvulkan1",
        _ => return None,
    };
    Some(script.to_owned())
}

/// Where apt fetches this release from, so that its backports come from the same place; `None` where
/// apt already has the backports, or knows no place.
fn mirror(codename: &str) -> Option<String> {
    let targets = sources()?;
    let place = |release: &str| {
        targets.lines().find_map(|line| {
            let (name, place) = line.split_once(' ')?;
            (name == release).then(|| place.to_owned())
        })
    };
    match place(&format!("{codename}-backports")) {
        Some(_) => None,
        None => place(codename),
    }
}

/// The releases that apt has lists of, one a line with the place it fetches them from.
fn sources() -> Option<String> {
    Cmd::new("apt-get")
        .args(["indextargets", "--format", "$(RELEASE) $(REPO_URI)"])
        .stdout()
        .ok()
}

/// The folders of driver manifests, or the manifests themselves where the environment names them.
fn folders() -> Vec<PathBuf> {
    for variable in ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"] {
        if let Some(paths) = env::var_os(variable).filter(|paths| !paths.is_empty()) {
            return env::split_paths(&paths).collect();
        }
    }
    ["/etc", "/usr/local/share", "/usr/share"]
        .iter()
        .map(|base| Path::new(base).join("vulkan/icd.d"))
        .collect()
}

fn manifests(places: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for place in places {
        match fs::read_dir(place) {
            Ok(entries) => found.extend(entries.flatten().map(|entry| entry.path())),
            Err(_) if place.is_file() => found.push(place.clone()),
            Err(_) => {}
        }
    }
    found.retain(|path| path.extension().is_some_and(|ext| ext == "json"));
    found
}

fn is_lavapipe(manifest: &Path) -> bool {
    named(manifest, &["lvp_"])
}

/// Drivers that pass work on to a host; without one they find no device.
fn is_virtual(manifest: &Path) -> bool {
    named(manifest, &["virtio_", "gfxstream_"])
}

fn named(manifest: &Path, prefixes: &[&str]) -> bool {
    manifest
        .file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)))
}

/// The Vulkan version of the newest lavapipe among the manifests.
fn lavapipe(places: &[PathBuf]) -> Option<[u32; 3]> {
    manifests(places)
        .iter()
        .filter(|path| is_lavapipe(path))
        .filter_map(|path| {
            let manifest: Value = serde_json::from_str(&fs::read_to_string(path).ok()?).ok()?;
            let mut parts = manifest["ICD"]["api_version"].as_str()?.split('.');
            let mut next = || parts.next()?.parse().ok();
            Some([next()?, next()?, next()?])
        })
        .max()
}

/// Whether a real card has a render node; `drm` is `/sys/class/drm`.
fn has_card(drm: &Path) -> bool {
    fs::read_dir(drm)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("renderD"))
        .any(|entry| {
            fs::read_to_string(entry.path().join("device/vendor"))
                .is_ok_and(|vendor| vendor.trim() != VIRTIO)
        })
}

fn dotted(version: [u32; 3]) -> String {
    version.map(|part| part.to_string()).join(".")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn driver(folder: &Path, name: &str, version: &str) {
        let text = format!(r#"{{"ICD": {{"api_version": "{version}", "library_path": "x.so"}}}}"#);
        fs::write(folder.join(name), text).unwrap();
    }

    #[test]
    fn lavapipe_is_told_from_other_drivers_and_by_age() {
        let folder = tempfile::tempdir().unwrap();
        let places = [folder.path().to_owned()];
        driver(folder.path(), "radeon_icd.x86_64.json", "1.4.305");
        assert_eq!(lavapipe(&places), None);
        driver(folder.path(), "lvp_icd.x86_64.json", "1.3.230");
        assert!(lavapipe(&places).unwrap() < OLDEST, "Mesa 22.3 is too old");
        driver(folder.path(), "lvp_icd.json", "1.4.305");
        assert!(lavapipe(&places).unwrap() >= OLDEST);
        fs::write(folder.path().join("lvp_icd.json"), "{").unwrap();
        assert_eq!(
            lavapipe(&places),
            Some([1, 3, 230]),
            "a broken manifest is none"
        );
        // A manifest may be named by itself.
        assert!(lavapipe(&[folder.path().join("lvp_icd.x86_64.json")]).is_some());
    }

    #[test]
    fn a_virtual_card_is_no_gpu() {
        let drm = tempfile::tempdir().unwrap();
        let card = |name: &str, vendor: &str| {
            let device = drm.path().join(name).join("device");
            fs::create_dir_all(&device).unwrap();
            fs::write(device.join("vendor"), vendor).unwrap();
        };
        assert!(!has_card(drm.path()));
        card("renderD128", "0x1af4\n");
        card("card0", "0x1002\n");
        assert!(!has_card(drm.path()));
        card("renderD129", "0x10de\n");
        assert!(has_card(drm.path()));
    }

    #[test]
    fn each_system_gets_its_own_recipe() {
        let system = |id: &str, like: &str, codename: &str| System {
            id: id.into(),
            like: like.split_whitespace().map(str::to_owned).collect(),
            codename: codename.into(),
        };
        let bookworm = system("debian", "", "bookworm");
        let script = recipe(&bookworm, Some("http://mirror.invalid/debian")).unwrap();
        assert!(
            script.starts_with("echo 'deb http://mirror.invalid/debian bookworm-backports main'")
        );
        assert!(script.contains("-t bookworm-backports mesa-vulkan-drivers"));
        // Backports known already: nothing is written.
        assert!(
            recipe(&bookworm, None)
                .unwrap()
                .starts_with("apt-get update")
        );
        let ubuntu = recipe(&system("ubuntu", "debian", "noble"), None).unwrap();
        assert!(!ubuntu.contains("backports") && ubuntu.contains("mesa-vulkan-drivers"));
        assert!(
            recipe(&system("fedora", "", ""), None)
                .unwrap()
                .starts_with("dnf")
        );
        assert_eq!(recipe(&system("slackware", "", ""), None), None);
    }
}

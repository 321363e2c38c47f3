//! The app itself, under Xvfb, used as a person with a mouse uses it: widgets are found by what a screen
//! reader is told of them, and clicked where they are. `cargo xtask test` installs what that takes.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use zbus::blocking::{Connection, Proxy, connection};
use zbus::zvariant::OwnedObjectPath;

/// Where distributions put it, which is on nobody's path.
const BUS_LAUNCHERS: [&str; 3] = [
    "/usr/libexec/at-spi-bus-launcher",
    "/usr/lib/at-spi2-core/at-spi-bus-launcher",
    "/usr/lib/at-spi-bus-launcher",
];
const PATIENCE: Duration = Duration::from_secs(60);
const STEPS: u64 = 8;

// AT-SPI's numbers of roles.
const PAGE_TAB: u32 = 37;
const PUSH_BUTTON: u32 = 43;
const RADIO_BUTTON: u32 = 44;
const ENTRY: u32 = 79;

/// Ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let child = command.spawn();
        Self(child.unwrap_or_else(|error| {
            let program = command.get_program().display();
            panic!("can't start {program} ({error}): run `cargo xtask test`")
        }))
    }

    /// The first line that it prints.
    fn first_line(&mut self) -> String {
        let mut line = String::new();
        let output = self.0.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        line.trim().to_owned()
    }
}

/// A screen, a session bus with assistive technology turned on, and the app.
struct Desktop {
    display: String,
    accessibility: Connection,
    home: tempfile::TempDir,
    app: Option<Running>,
    bus: String,
    _others: Vec<Running>,
}

/// A widget as a screen reader knows it.
type Widget = (String, OwnedObjectPath);

impl Desktop {
    fn start() -> Self {
        let mut screen = Running::start(
            Command::new("Xvfb")
                .args([
                    "-displayfd",
                    "1",
                    "-screen",
                    "0",
                    "1280x800x24",
                    "-nolisten",
                    "tcp",
                ])
                .stdout(Stdio::piped())
                .stderr(Stdio::null()),
        );
        let display = format!(":{}", screen.first_line());
        let mut session = Running::start(
            Command::new("dbus-daemon")
                .args(["--session", "--nofork", "--print-address=1"])
                .stdout(Stdio::piped())
                // What it starts may outlive the test, and would hold the test's own output open.
                .stderr(Stdio::null()),
        );
        let bus = session.first_line();
        let launcher = BUS_LAUNCHERS.iter().find(|path| Path::new(path).exists());
        let launcher = launcher.expect("no at-spi-bus-launcher: run `cargo xtask test`");
        let launcher = Running::start(
            Command::new(launcher)
                .arg("--launch-immediately")
                .env("DBUS_SESSION_BUS_ADDRESS", &bus)
                .env("DISPLAY", &display)
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
        );
        let accessibility = wait_for("the accessibility bus", || accessibility(&bus));
        let mut desktop = Self {
            display,
            accessibility,
            home: tempfile::tempdir().unwrap(),
            app: None,
            bus,
            _others: vec![launcher, session, screen],
        };
        desktop.open_app();
        desktop
    }

    fn open_app(&mut self) {
        let home = self.home.path();
        let app = Running::start(
            Command::new(env!("CARGO_BIN_EXE_tunesmith-desktop"))
                .env("DISPLAY", &self.display)
                .env("DBUS_SESSION_BUS_ADDRESS", &self.bus)
                .env("HOME", home)
                .env("XDG_DATA_HOME", home.join("data"))
                .env("XDG_CONFIG_HOME", home.join("config"))
                .env("XDG_CACHE_HOME", home.join("cache"))
                // SwiftShader, which other tests bring, draws no windows.
                .env_remove("VK_ADD_DRIVER_FILES")
                .env_remove("WAYLAND_DISPLAY"),
        );
        self.app = Some(app);
    }

    /// The widget of this role and name, once it is there.
    fn find(&self, role: u32, name: &str) -> Widget {
        wait_for(name, || {
            let root = "/org/a11y/atspi/accessible/root".try_into().unwrap();
            let registry = ("org.a11y.atspi.Registry".to_owned(), root);
            self.search(&registry, &|found, label| found == role && label == name)
        })
    }

    fn wait_for_text(&self, text: &str) {
        wait_for(text, || {
            let root = "/org/a11y/atspi/accessible/root".try_into().unwrap();
            let registry = ("org.a11y.atspi.Registry".to_owned(), root);
            self.search(&registry, &|_, label| label.starts_with(text))
        });
    }

    /// Depth first. What goes while it is looked at isn't there.
    fn search(&self, widget: &Widget, wanted: &dyn Fn(u32, &str) -> bool) -> Option<Widget> {
        let proxy = self.proxy(widget, "org.a11y.atspi.Accessible")?;
        let role: u32 = proxy.call("GetRole", &()).ok()?;
        let name: String = proxy.get_property("Name").unwrap_or_default();
        if wanted(role, &name) {
            return Some(widget.clone());
        }
        let children: Vec<Widget> = proxy.call("GetChildren", &()).ok()?;
        children.iter().find_map(|child| self.search(child, wanted))
    }

    fn proxy(&self, (owner, path): &Widget, interface: &'static str) -> Option<Proxy<'static>> {
        Proxy::new(&self.accessibility, owner.clone(), path.clone(), interface).ok()
    }

    fn click(&self, role: u32, name: &str) {
        let widget = self.find(role, name);
        let component = self.proxy(&widget, "org.a11y.atspi.Component").unwrap();
        let on_screen = 0_u32;
        let (x, y, width, height): (i32, i32, i32, i32) =
            component.call("GetExtents", &on_screen).unwrap();
        let place = [x + width / 2, y + height / 2].map(|place| place.to_string());
        assert!(width > 0 && height > 0, "{name} is nowhere");
        let [x, y] = &place;
        self.xdotool(&["mousemove", "--sync", x, y, "click", "1"]);
    }

    fn xdotool(&self, words: &[&str]) {
        let status = Command::new("xdotool")
            .args(words)
            .env("DISPLAY", &self.display)
            .status();
        let status =
            status.unwrap_or_else(|error| panic!("no xdotool ({error}): run `cargo xtask test`"));
        assert!(status.success(), "xdotool {words:?}");
    }

    fn runs(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.home.path().join("data/tunesmith/runs"));
        entries
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().path())
            .collect()
    }
}

/// Turns assistive technology on, and joins its bus.
fn accessibility(bus: &str) -> Option<Connection> {
    let session = connection::Builder::address(bus).ok()?.build().ok()?;
    let status = Proxy::new(&session, "org.a11y.Bus", "/org/a11y/bus", "org.a11y.Status").ok()?;
    status.set_property("IsEnabled", true).ok()?;
    status.set_property("ScreenReaderEnabled", true).ok()?;
    let launcher = Proxy::new(&session, "org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus").ok()?;
    let address: String = launcher.call("GetAddress", &()).ok()?;
    connection::Builder::address(address.as_str())
        .ok()?
        .build()
        .ok()
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "{what} did not come in {PATIENCE:?}"
        );
        sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_model_is_trained_by_clicking() {
    let desktop = Desktop::start();
    desktop.find(RADIO_BUTTON, "Built-in set");
    // Without a window manager nobody gives the window the keyboard.
    desktop.xdotool(&["search", "--name", "^Tunesmith$", "windowfocus", "--sync"]);
    desktop.click(RADIO_BUTTON, "Built-in set");
    desktop.wait_for_text("3,600 train");
    desktop.click(PAGE_TAB, "Choose");
    desktop.click(RADIO_BUTTON, "Built-in model");
    desktop.wait_for_text("Built-in model is ready.");
    desktop.click(ENTRY, "Steps");
    desktop.xdotool(&["type", &STEPS.to_string()]);
    desktop.xdotool(&["key", "Tab"]);
    desktop.click(PAGE_TAB, "Train");
    desktop.click(PUSH_BUTTON, "Train");
    desktop.wait_for_text("Done in");

    let runs = desktop.runs();
    let [run] = runs.as_slice() else {
        panic!("one run was started, and there are {runs:?}")
    };
    for name in [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "trainer_state.json",
        "all_results.json",
        "run_config.json",
    ] {
        assert!(run.join(name).is_file(), "{name} is not in {run:?}");
    }
    let state: Value =
        serde_json::from_slice(&fs::read(run.join("trainer_state.json")).unwrap()).unwrap();
    assert_eq!(state["global_step"], STEPS);
    let config: Value =
        serde_json::from_slice(&fs::read(run.join("config.json")).unwrap()).unwrap();
    assert_eq!(config["id2label"]["1"], "equivalent");

    desktop.click(PAGE_TAB, "Look");
    desktop.wait_for_text("of 400 validation rows are right.");
    desktop.click(PAGE_TAB, "Try");
    desktop.click(PUSH_BUTTON, "Take a row of the data");
    desktop.click(PUSH_BUTTON, "Classify");
    desktop.wait_for_text("with ");
}

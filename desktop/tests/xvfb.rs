//! The app itself, under Xvfb, used as a person with a mouse uses it: widgets are found by what a screen
//! reader is told of them, and clicked where they are. `cargo xtask test` installs what that takes.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{panicking, sleep};
use std::time::{Duration, Instant};

use serde_json::Value;
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{ClientMessageEvent, ConnectionExt as _, EventMask};
use zbus::blocking::fdo::DBusProxy;
use zbus::blocking::{Connection, Proxy, connection};
use zbus::zvariant::OwnedObjectPath;

/// Where distributions put it, which is on nobody's path.
const BUS_LAUNCHERS: [&str; 3] = [
    "/usr/libexec/at-spi-bus-launcher",
    "/usr/lib/at-spi2-core/at-spi-bus-launcher",
    "/usr/lib/at-spi-bus-launcher",
];
/// The accessibility bus, as the session bus knows it.
const BUS: &str = "org.a11y.Bus";
/// Which apps there are, as the accessibility bus knows it.
const REGISTRY: &str = "org.a11y.atspi.Registry";
const PATIENCE: Duration = Duration::from_secs(60);
const STEPS: u64 = 8;
/// So many that the window can be closed long before they are done.
const MANY_STEPS: u64 = 1200;

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

/// What the programs of a test print, shown where it fails.
struct Printed(PathBuf);

impl Printed {
    fn of(&self, program: &str) -> Stdio {
        let path = self.0.join(format!("{program}.txt"));
        let file = File::options().append(true).create(true).open(path);
        file.unwrap().into()
    }
}

impl Drop for Printed {
    fn drop(&mut self) {
        if !panicking() {
            return;
        }
        for entry in fs::read_dir(&self.0).into_iter().flatten().flatten() {
            let text = fs::read(entry.path()).unwrap_or_default();
            eprintln!(
                "--- {} printed:\n{}",
                entry.path().file_stem().unwrap_or_default().display(),
                String::from_utf8_lossy(&text)
            );
        }
    }
}

/// Held by a test: two launchers of the accessibility bus at once get into each other's way.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A screen, a session bus with assistive technology turned on, and the app.
struct Desktop {
    display: String,
    accessibility: Connection,
    app: Option<RefCell<Running>>,
    bus: String,
    printed: Printed,
    home: tempfile::TempDir,
    _others: Vec<Running>,
    _alone: MutexGuard<'static, ()>,
}

/// A widget as a screen reader knows it.
type Widget = (String, OwnedObjectPath);

impl Desktop {
    fn start() -> Self {
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("printed");
        fs::create_dir(&folder).unwrap();
        let printed = Printed(folder);
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
                .stderr(printed.of("the screen")),
        );
        let display = format!(":{}", screen.first_line());
        // What it starts may outlive the test, and would hold the test's own output open.
        let mut session = Running::start(
            Command::new("dbus-daemon")
                .args(["--session", "--nofork", "--print-address=1"])
                .stdout(Stdio::piped())
                .stderr(printed.of("the session bus")),
        );
        let bus = session.first_line();
        let launcher = BUS_LAUNCHERS.iter().find(|path| Path::new(path).exists());
        let launcher = launcher.expect("no at-spi-bus-launcher: run `cargo xtask test`");
        let launcher = Running::start(
            Command::new(launcher)
                .arg("--launch-immediately")
                .env("DBUS_SESSION_BUS_ADDRESS", &bus)
                .env("DISPLAY", &display)
                .stdout(printed.of("the accessibility bus"))
                .stderr(printed.of("the accessibility bus")),
        );
        let mut desktop = Self {
            display,
            accessibility: accessibility(&bus),
            app: None,
            bus,
            printed,
            home,
            _others: vec![launcher, session, screen],
            _alone: alone,
        };
        desktop.open_app();
        desktop
    }

    /// Starts the app, and waits until screen readers know of it.
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
                .env_remove("WAYLAND_DISPLAY")
                .env_remove("AT_SPI_BUS_ADDRESS")
                .stdout(self.printed.of("the app"))
                .stderr(self.printed.of("the app")),
        );
        let process = app.0.id();
        self.app = Some(RefCell::new(app));
        let names = DBusProxy::new(&self.accessibility).unwrap();
        self.wait_for("the app among those that screen readers know", || {
            let registry = self.proxy(&registry(), "org.a11y.atspi.Accessible")?;
            let apps: Vec<Widget> = registry.call("GetChildren", &()).ok()?;
            let is_ours = |(owner, _): &Widget| {
                let owner = owner.as_str().try_into().ok()?;
                names.get_connection_unix_process_id(owner).ok()
            };
            apps.iter()
                .find(|app| is_ours(app) == Some(process))
                .map(|_| ())
        });
    }

    /// Waits for something of the app, which has to be running.
    fn wait_for<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        wait_for(what, || {
            let found = look();
            if found.is_none()
                && let Some(status) = self.ended()
            {
                panic!("the app ended before {what} came: {status}");
            }
            found
        })
    }

    /// How the app ended, if it did.
    fn ended(&self) -> Option<ExitStatus> {
        let app = self.app.as_ref().unwrap();
        app.borrow_mut().0.try_wait().unwrap()
    }

    /// The widget of this role and name, once it is there.
    fn find(&self, role: u32, name: &str) -> Widget {
        self.wait_for(name, || {
            self.search(&registry(), &|found, label| found == role && label == name)
        })
    }

    fn wait_for_text(&self, text: &str) {
        self.wait_for(text, || {
            self.search(&registry(), &|_, label| label.starts_with(text))
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

    /// Asks the window to close, as its frame's button does.
    fn close(&self) {
        let found = Command::new("xdotool")
            .args(["search", "--name", "^Tunesmith$"])
            .env("DISPLAY", &self.display)
            .output();
        let found = String::from_utf8(found.unwrap().stdout).unwrap();
        let window: u32 = found.lines().next().unwrap().parse().unwrap();
        let (x11, _) = x11rb::connect(Some(&self.display)).unwrap();
        let atom = |name: &str| {
            let cookie = x11.intern_atom(false, name.as_bytes()).unwrap();
            cookie.reply().unwrap().atom
        };
        let (protocols, delete) = (atom("WM_PROTOCOLS"), atom("WM_DELETE_WINDOW"));
        let event = ClientMessageEvent::new(32, window, protocols, [delete, 0, 0, 0, 0]);
        x11.send_event(false, window, EventMask::NO_EVENT, event)
            .unwrap()
            .check()
            .unwrap();
        x11.flush().unwrap();
    }

    /// Waits until the app has ended by itself.
    /// Ends the app as the system does when its session ends.
    fn terminate(&self) {
        let app = self.app.as_ref().unwrap().borrow();
        let ended = Command::new("kill")
            .args(["-TERM", &app.0.id().to_string()])
            .status();
        assert!(ended.unwrap().success());
    }

    fn wait_for_end(&self) {
        let status = wait_for("the end", || self.ended());
        assert!(status.success(), "{status}");
    }

    /// The folder of the one run that there is.
    fn run(&self) -> PathBuf {
        let entries = fs::read_dir(self.home.path().join("data/tunesmith/runs"));
        let entries = entries.into_iter().flatten();
        let mut runs: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        assert_eq!(runs.len(), 1, "one run was started, and there are {runs:?}");
        runs.remove(0)
    }

    /// Chooses the built-in set and model and so many steps, and starts the run.
    fn train(&self, steps: u64) {
        self.find(RADIO_BUTTON, "Built-in set");
        // Without a window manager nobody gives the window the keyboard.
        self.xdotool(&["search", "--name", "^Tunesmith$", "windowfocus", "--sync"]);
        self.click(RADIO_BUTTON, "Built-in set");
        self.wait_for_text("1,600 train");
        self.click(PAGE_TAB, "Model");
        self.click(RADIO_BUTTON, "Built-in model");
        self.wait_for_text("Built-in model is ready.");
        self.click(ENTRY, "Steps");
        self.xdotool(&["type", &steps.to_string()]);
        self.xdotool(&["key", "Tab"]);
        self.click(PAGE_TAB, "Train");
        self.click(PUSH_BUTTON, "Train");
    }
}

/// The last step that a run's folder tells of.
fn global_step(run: &Path) -> u64 {
    let state = fs::read(run.join("trainer_state.json")).unwrap();
    let state: Value = serde_json::from_slice(&state).unwrap();
    state["global_step"].as_u64().unwrap()
}

/// The step of the last checkpoint in a run's folder.
fn last_checkpoint(run: &Path) -> u64 {
    let entries = fs::read_dir(run).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let steps = names.filter_map(|name| name.strip_prefix("checkpoint-")?.parse::<u64>().ok());
    steps.max().expect("a checkpoint was written")
}

/// The root of all apps.
fn registry() -> Widget {
    let root = "/org/a11y/atspi/accessible/root".try_into().unwrap();
    (REGISTRY.to_owned(), root)
}

/// Turns assistive technology on, and joins its bus, with the registry running.
///
/// An app tells the registry of itself once. Where that fails, it stays silent until assistive technology
/// is turned on anew, so everything is there before the app starts. And nobody calls the accessibility bus
/// before its launcher has the name: the session bus would start a second launcher, without a screen.
fn accessibility(bus: &str) -> Connection {
    let session = connection::Builder::address(bus).unwrap().build().unwrap();
    let names = DBusProxy::new(&session).unwrap();
    wait_for("the accessibility bus", || {
        let is_there = names.name_has_owner(BUS.try_into().unwrap()).unwrap();
        is_there.then_some(())
    });
    let status = Proxy::new(&session, BUS, "/org/a11y/bus", "org.a11y.Status").unwrap();
    status.set_property("IsEnabled", true).unwrap();
    status.set_property("ScreenReaderEnabled", true).unwrap();
    let launcher = Proxy::new(&session, BUS, "/org/a11y/bus", BUS).unwrap();
    let address: String = launcher.call("GetAddress", &()).unwrap();
    let address = connection::Builder::address(address.as_str()).unwrap();
    let accessibility = address.build().unwrap();
    let names = DBusProxy::new(&accessibility).unwrap();
    names
        .start_service_by_name(REGISTRY.try_into().unwrap(), 0)
        .unwrap();
    let (owner, root) = registry();
    let root = Proxy::new(&accessibility, owner, root, "org.a11y.atspi.Accessible").unwrap();
    wait_for("the registry of apps", || {
        root.call::<_, _, Vec<Widget>>("GetChildren", &()).ok()
    });
    accessibility
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
    desktop.train(STEPS);
    desktop.wait_for_text("Done in");

    let run = desktop.run();
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
    assert_eq!(global_step(&run), STEPS);
    let config: Value =
        serde_json::from_slice(&fs::read(run.join("config.json")).unwrap()).unwrap();
    assert_eq!(config["id2label"]["1"], "culture");

    desktop.click(PAGE_TAB, "Results");
    desktop.wait_for_text("of 200 validation rows are right.");
    desktop.click(PAGE_TAB, "Try");
    desktop.click(PUSH_BUTTON, "Take a row of the data");
    desktop.click(PUSH_BUTTON, "Predict");
    desktop.wait_for_text("with ");
}

#[test]
fn a_run_is_saved_when_the_window_closes_and_goes_on_at_the_next_start() {
    let mut desktop = Desktop::start();
    desktop.train(MANY_STEPS);
    desktop.wait_for_text("Training on");
    desktop.close();
    desktop.click(PUSH_BUTTON, "Save and close");
    desktop.wait_for_end();
    let run = desktop.run();
    assert!(
        !run.join("model.safetensors").exists(),
        "it came to its end"
    );
    let kept = last_checkpoint(&run);
    assert!(kept < MANY_STEPS, "{kept}");

    desktop.open_app();
    desktop.wait_for_text("1,600 train");
    let name = run.file_name().unwrap().to_str().unwrap();
    desktop.wait_for_text(&format!("{name} was kept at step"));
    desktop.click(PUSH_BUTTON, &format!("Continue {name}"));
    desktop.wait_for_text("Done in");
    assert_eq!(desktop.run(), run);
    assert_eq!(global_step(&run), MANY_STEPS);
    assert!(run.join("model.safetensors").is_file());
}

#[test]
fn a_run_is_saved_when_the_session_ends() {
    let desktop = Desktop::start();
    desktop.train(MANY_STEPS);
    desktop.wait_for_text("Training on");
    desktop.terminate();
    desktop.wait_for_end();
    let run = desktop.run();
    assert!(last_checkpoint(&run) < MANY_STEPS);
    assert!(
        !run.join("model.safetensors").exists(),
        "it came to its end"
    );
}

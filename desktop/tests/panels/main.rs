//! Every panel, driven by role and name as a person or a screen reader would, and photographed. The
//! tests are the shell: they answer what the window asks.
#![allow(clippy::unwrap_used, reason = "tests")]

mod choose;
mod closing;
mod gather;
mod keep;
mod labels;
mod look;
mod newcomer;
mod support;
mod train;

/// The icon that is installed is the one that the window has.
#[test]
fn the_icon_is_current() {
    use tunesmith_desktop::icon;

    const COMMAND: &str = "TUNESMITH_UPDATE=1 cargo test -p tunesmith-desktop icon";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/icon.png");
    let size = icon::SIZE as u32;
    let drawn = image::RgbaImage::from_raw(size, size, icon::pixels(icon::SIZE)).unwrap();
    if std::env::var_os("TUNESMITH_UPDATE").is_some() {
        drawn.save(path).unwrap();
    }
    let there = image::open(path).map(|icon| icon.to_rgba8());
    let there = there.unwrap_or_else(|error| panic!("{path}: {error}; run {COMMAND}"));
    assert!(
        there == drawn,
        "assets/icon.png is not current; run {COMMAND}"
    );
}

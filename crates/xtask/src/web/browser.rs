//! The browser lane: the package by Node's test runner, then page and package in Chromium.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tunesmith_shaders::{ALL, ENABLE_SUBGROUPS, Element, Fused, Gemm, Halves, Sharing};

use super::{Optimised, build};
use crate::project::Project;
use crate::setup::{chromium, minilm, node};
use crate::test::Tally;

/// Where Playwright writes what happened, below `web/`.
const REPORT: &str = "test-results/report.json";

/// Every kernel's text, for the browser's own compiler, below `web/`.
const KERNELS: &str = "test-results/kernels.json";

/// Needs runs that only `cargo xtask parity` makes.
const PARITY: &str = "parity.spec";

/// Builds the page as it is published and runs the tests of `web/`, or only the browser tests in files
/// whose name contains one of the filters.
///
/// # Errors
/// When the set-up or the build fails.
pub fn run(project: &Project, filters: &[String]) -> Result<Tally> {
    if !filters.is_empty() {
        let filters: Vec<&str> = filters.iter().map(String::as_str).collect();
        return playwright(project, &filters);
    }
    build(project, Optimised::Yes)?;
    let mut tally = package(project)?;
    tally += browser(project, &["--grep-invert", PARITY])?;
    Ok(tally)
}

/// Builds the page as it is published and runs Playwright with these arguments: files' names, or options.
///
/// # Errors
/// When the set-up or the build fails, or Playwright left no report.
pub fn playwright(project: &Project, arguments: &[&str]) -> Result<Tally> {
    build(project, Optimised::Yes)?;
    browser(project, arguments)
}

fn package(project: &Project) -> Result<Tally> {
    let mut tally = Tally::default();
    let status = node::npm(project)
        .args(["run", "--silent", "test"])
        .env("NODE_OPTIONS", "--test-reporter=tap")
        .lines(|line| tally.read_tap(line))?;
    tally.ended("npm test", status);
    Ok(tally)
}

fn browser(project: &Project, arguments: &[&str]) -> Result<Tally> {
    let report = project.web().join(REPORT);
    // What an earlier run left must not be taken for this one's.
    let _ = fs::remove_file(&report);
    write_kernels(&project.web().join(KERNELS))?;
    let status = node::tool(project, "playwright")
        .args(["test", "--reporter=list,json"])
        .args(arguments)
        .env("PLAYWRIGHT_JSON_OUTPUT_NAME", REPORT)
        .env(chromium::VARIABLE, chromium::program()?)
        .env("TUNESMITH_MINILM", minilm::for_tests(project)?)
        .lines(|_| {})?;
    let mut tally = Tally::default();
    if report.is_file() {
        tally.read_playwright(&read(&report)?);
    }
    tally.ended("playwright", status);
    Ok(tally)
}

/// A kernel's text over floats and, where there is such, over halves.
fn texts(
    name: &str,
    enable: &str,
    text: String,
    (halves, bindings): (Halves, Vec<(&'static str, Element)>),
) -> Vec<Value> {
    let of = |halves: Halves| {
        let text = halves.apply(text.clone(), &bindings);
        json!({ "name": format!("{name} {halves:?}"), "code": format!("{enable}{text}") })
    };
    let mut all = vec![of(Halves::default())];
    if halves != Halves::default() {
        all.push(of(halves));
    }
    all
}

fn write_kernels(path: &Path) -> Result<()> {
    let shaders = ALL.iter().flat_map(|shader| {
        shader.variants().into_iter().flat_map(|flags| {
            let name = format!("{} {flags:?}", shader.name);
            let halves = (shader.halves(&flags), shader.bindings(&flags));
            texts(&name, "", shader.complete(&flags), halves)
        })
    });
    let products = Gemm::variants().into_iter().flat_map(|gemm| {
        let enable = match gemm.tile.sharing {
            Sharing::Subgroup => ENABLE_SUBGROUPS,
            Sharing::None | Sharing::Workgroup(_) => "",
        };
        let halves = (gemm.halves(), gemm.bindings());
        texts(&format!("{gemm:?}"), enable, gemm.complete(), halves)
    });
    let fused = Fused::variants().into_iter().flat_map(|fused| {
        let halves = (fused.halves(), fused.bindings());
        texts(&format!("{fused:?}"), "", fused.complete(), halves)
    });
    let kernels: Vec<Value> = shaders.chain(products).chain(fused).collect();
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, serde_json::to_string(&kernels)?)
        .with_context(|| format!("can't write {}", path.display()))
}

fn read(report: &Path) -> Result<Value> {
    let text =
        fs::read_to_string(report).with_context(|| format!("can't read {}", report.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no JSON", report.display()))
}

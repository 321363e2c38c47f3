//! The bill of materials, by [CycloneDX 1.5](https://cyclonedx.org/docs/1.5/json/). Without a date and a
//! serial number, so that the same sources give the same bill.

use serde_json::{Value, json};

use super::Linked;

/// The bill of a release that is made of these crates.
pub fn bill(name: &str, version: &str, crates: &[Linked]) -> Value {
    let components: Vec<Value> = crates.iter().map(component).collect();
    let mut dependencies: Vec<Value> = crates
        .iter()
        .map(|one| {
            let needs: Vec<String> = one
                .needs
                .iter()
                .map(|&index| purl(&crates[index]))
                .collect();
            json!({"ref": purl(one), "dependsOn": needs})
        })
        .collect();
    // The programs are our own crates; what they need is told by them.
    let own = crates.iter().filter(|one| one.checksum.is_none());
    dependencies.push(json!({"ref": name, "dependsOn": own.map(purl).collect::<Vec<_>>()}));
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {
            "type": "application", "bom-ref": name, "name": "tunesmith", "version": version,
            "licenses": [{"expression": "MIT OR Apache-2.0"}],
        }},
        "components": components,
        "dependencies": dependencies,
    })
}

fn component(one: &Linked) -> Value {
    let mut component = json!({
        "type": "library", "bom-ref": purl(one), "name": one.name, "version": one.version,
        "purl": purl(one),
    });
    if let Some(license) = &one.license {
        // Older manifests have a slash for "or".
        let expression = license.replace(" / ", " OR ").replace('/', " OR ");
        component["licenses"] = json!([{"expression": expression}]);
    }
    if let Some(checksum) = &one.checksum {
        component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
    }
    if let Some(repository) = &one.repository {
        component["externalReferences"] = json!([{"type": "vcs", "url": repository}]);
    }
    component
}

/// The package's URL, which is its name in every database of advisories.
fn purl(one: &Linked) -> String {
    // SemVer's `+` has a meaning of its own in a URL.
    let version = one.version.replace('+', "%2B");
    format!("pkg:cargo/{}@{version}", one.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn a_crate_is_named_by_its_url_and_its_bytes() {
        let of = |name: &str, version: &str, checksum: Option<&str>, needs: &[usize]| Linked {
            name: name.to_owned(),
            version: version.to_owned(),
            license: Some("MIT/Apache-2.0".to_owned()),
            repository: None,
            checksum: checksum.map(str::to_owned),
            folder: PathBuf::new(),
            needs: needs.to_vec(),
        };
        let crates = [
            of("app", "0.1.0", None, &[1]),
            of("lib", "1.0.0+spec-1.1", Some("abc"), &[]),
        ];
        let bill = bill("app-linux", "0.1.0", &crates);
        let lib = "pkg:cargo/lib@1.0.0%2Bspec-1.1";
        assert_eq!(bill["components"][1]["purl"], lib);
        assert_eq!(bill["components"][1]["hashes"][0]["content"], "abc");
        let license = &bill["components"][1]["licenses"][0]["expression"];
        assert_eq!(license, "MIT OR Apache-2.0");
        assert_eq!(bill["dependencies"][0]["dependsOn"], json!([lib]));
        let programs = &bill["dependencies"][2];
        assert_eq!(programs["dependsOn"], json!(["pkg:cargo/app@0.1.0"]));
    }
}

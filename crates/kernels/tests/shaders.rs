//! Every WGSL variant that a kernel may ask for is valid, and keeps to what WebGPU promises everywhere.
#![allow(clippy::unwrap_used, reason = "tests")]

use naga::valid::{Capabilities, ValidationFlags, Validator};
use naga::{AddressSpace, StorageAccess, TypeInner};
use tunesmith_shaders::{ALL, Element, Fused, Gemm, Halves, Shader};

/// WebGPU's default limits.
const MAX_STORAGE_BUFFERS: usize = 8;
const MAX_INVOCATIONS: u32 = 256;
const MAX_WORKGROUP_BYTES: u32 = 16 * 1024;

fn parse(label: &str, text: &str) -> naga::Module {
    let module = naga::front::wgsl::parse_str(text)
        .unwrap_or_else(|error| panic!("{label}: {}", error.emit_to_string(text)));
    // Subgroups are for the variants that an adapter with them is given. All of WebGPU's unpack halves; naga's
    // capability is for OpenGL's sake.
    let mut capabilities = Capabilities::SHADER_FLOAT16_IN_FLOAT32;
    capabilities.set(Capabilities::SUBGROUP, text.contains("subgroup"));
    Validator::new(ValidationFlags::all(), capabilities)
        .validate(&module)
        .unwrap_or_else(|error| panic!("{label}: {}", error.emit_to_string(text)));
    module
}

/// Checks the limits and returns the names of the storage bindings in order.
fn check(label: &str, text: &str) -> Vec<String> {
    let module = parse(label, text);
    let entry = &module.entry_points[0];
    assert_eq!(entry.name, "main", "{label}");
    assert!(
        entry.workgroup_size.iter().product::<u32>() <= MAX_INVOCATIONS,
        "{label}"
    );
    let body = format!("{:?}", entry.function.expressions)
        + &module
            .functions
            .iter()
            .map(|(_, f)| format!("{:?}", f.expressions))
            .collect::<String>();
    let mut storage = Vec::new();
    let mut workgroup_bytes = 0;
    for (handle, variable) in module.global_variables.iter() {
        let name = variable.name.clone().unwrap();
        // cubecl uses wgpu's automatic layout, from which an unused binding disappears.
        assert!(
            body.contains(&format!("GlobalVariable({handle:?})")),
            "{label}: {name} is unused"
        );
        match variable.space {
            AddressSpace::Storage { access } => {
                assert_eq!(
                    access,
                    StorageAccess::LOAD | StorageAccess::STORE,
                    "{label}: {name}"
                );
                let binding = variable.binding.as_ref().unwrap();
                assert_eq!(
                    (binding.group, binding.binding as usize),
                    (0, storage.len()),
                    "{label}"
                );
                storage.push(name);
            }
            AddressSpace::Uniform => {
                let TypeInner::Struct { span, .. } = module.types[variable.ty].inner else {
                    panic!("{label}: parameters are a struct");
                };
                assert!(
                    span.is_multiple_of(16),
                    "{label}: {span} bytes of parameters"
                );
            }
            AddressSpace::WorkGroup => {
                workgroup_bytes += module.types[variable.ty].inner.size(module.to_ctx());
            }
            other => panic!("{label}: {name} lies in {other:?}"),
        }
    }
    assert!(
        workgroup_bytes <= MAX_WORKGROUP_BYTES,
        "{label}: {workgroup_bytes} bytes"
    );
    assert!(storage.len() <= MAX_STORAGE_BUFFERS, "{label}: {storage:?}");
    storage
}

/// The same text with halves in all bindings that may hold them, and in each alone.
fn check_halves(
    label: &str,
    text: String,
    (halves, bindings): (Halves, Vec<(&'static str, Element)>),
) {
    let alone = (0..bindings.len()).filter(|number| halves.has(*number));
    for some in alone.map(|number| Halves(1 << number)).chain([halves]) {
        let label = format!("{label} with {some:?}");
        let storage = check(&label, &some.apply(text.clone(), &bindings));
        let table: Vec<_> = bindings.iter().map(|(name, _)| *name).collect();
        assert_eq!(storage, table, "{label}");
    }
}

#[test]
fn every_variant_is_valid_and_binds_what_the_table_says() {
    let mut checked = 0;
    for shader in ALL {
        for flags in shader.variants() {
            let label = format!("{} {flags:?}", shader.name);
            let storage = check(&label, &shader.complete(&flags));
            let table: Vec<_> = Shader::active_bindings(shader, &flags)
                .map(|b| b.name)
                .collect();
            assert_eq!(storage, table, "{label}");
            let halves = (shader.halves(&flags), shader.bindings(&flags));
            check_halves(&label, shader.complete(&flags), halves);
            checked += 1;
        }
    }
    assert!(checked > ALL.len());
}

#[test]
fn names_are_unique() {
    let names: std::collections::BTreeSet<_> = ALL.iter().map(|shader| shader.name).collect();
    assert_eq!(names.len(), ALL.len());
}

#[test]
fn every_matrix_product_is_valid() {
    for gemm in Gemm::variants() {
        let storage = check(&format!("{gemm:?}"), &gemm.complete());
        let table: Vec<_> = gemm.bindings().into_iter().map(|(name, _)| name).collect();
        assert_eq!(storage, table, "{gemm:?}");
        check_halves(
            &format!("{gemm:?}"),
            gemm.complete(),
            (gemm.halves(), gemm.bindings()),
        );
    }
}

#[test]
fn every_attention_without_scores_is_valid() {
    for fused in Fused::variants() {
        let storage = check(&format!("{fused:?}"), &fused.complete());
        let table: Vec<_> = fused.bindings().into_iter().map(|(name, _)| name).collect();
        assert_eq!(storage, table, "{fused:?}");
        check_halves(
            &format!("{fused:?}"),
            fused.complete(),
            (fused.halves(), fused.bindings()),
        );
    }
}

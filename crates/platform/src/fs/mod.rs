//! [`std::fs`], as far as the pipeline uses it, for every target.

pub mod lock;
#[cfg(not(target_arch = "wasm32"))]
mod native;
pub mod volume;
#[cfg(target_arch = "wasm32")]
mod web;

#[cfg(not(target_arch = "wasm32"))]
pub use native::{
    DirEntry, File, Mapped, Metadata, OpenOptions, ReadDir, canonicalize, copy, create_dir,
    create_dir_all, exists, is_dir, is_file, metadata, read, read_dir, read_to_string,
    remove_dir_all, remove_file, rename, replenish, write,
};
#[cfg(target_arch = "wasm32")]
pub use web::{
    DirEntry, File, Mapped, Metadata, OpenOptions, Opened, ReadDir, Storage, canonicalize, copy,
    create_dir, create_dir_all, exists, is_dir, is_file, metadata, open, read, read_dir,
    read_to_string, remove_dir_all, remove_file, rename, replenish, write,
};

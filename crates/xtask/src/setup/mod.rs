//! What a job needs on the machine and installs by itself: each function looks first, does nothing
//! where the thing is there, and says what it does where it isn't.

pub mod apt;
pub mod chromium;
pub mod minilm;
pub mod mpi;
pub mod node;
pub mod python;
pub mod rust;
pub mod screen;
pub mod swiftshader;
pub mod vulkan;

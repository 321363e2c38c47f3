//! In place of the crate `hf-xet`, whose API this is as far as `hf-hub` calls it.
//!
//! Tunesmith asks `hf-hub` for revisions and listings and downloads files itself, by their resolve URLs,
//! which the Hub serves for files stored in Xet too. So Xet's client never runs, yet it brings some 40
//! crates (a database, a logger, statistics) that took a seventh of a build from nothing. Here no session
//! can be opened: opening one is an error that says why, and the types behind it have no values.

pub mod error {
    //! Why a transfer isn't possible.

    /// The only way a transfer ends here.
    #[derive(Debug, thiserror::Error)]
    #[error("this build of hf-hub has no Xet transfers")]
    pub struct XetError;
}

pub mod xet_session {
    //! Sessions, and what a session would give.

    use std::collections::HashMap;
    use std::convert::Infallible;
    use std::ops::Range;
    use std::path::PathBuf;

    use bytes::Bytes;
    use reqwest::header::HeaderMap;
    use serde::{Deserialize, Serialize};

    use crate::error::XetError;

    /// Opens a session.
    #[derive(Debug, Default)]
    pub struct XetSessionBuilder;

    impl XetSessionBuilder {
        /// A builder.
        pub fn new() -> Self {
            Self
        }

        /// Opens none.
        ///
        /// # Errors
        /// Always.
        pub fn build(self) -> Result<XetSession, XetError> {
            Err(XetError)
        }
    }

    /// A file by its hash.
    #[derive(Debug, Clone, Serialize, Deserialize)]
    pub struct XetFileInfo {
        /// The Merkle hash of the content.
        pub hash: String,
        /// Bytes.
        pub file_size: Option<u64>,
        /// The SHA-256 of the content, in hexadecimal digits.
        pub sha256: Option<String>,
    }

    impl XetFileInfo {
        /// A file of `file_size` bytes.
        pub fn new(hash: String, file_size: u64) -> Self {
            Self {
                hash,
                file_size: Some(file_size),
                sha256: None,
            }
        }

        /// The Merkle hash of the content.
        pub fn hash(&self) -> &str {
            &self.hash
        }

        /// Bytes.
        pub fn file_size(&self) -> Option<u64> {
            self.file_size
        }

        /// The SHA-256 of the content, in hexadecimal digits.
        pub fn sha256(&self) -> Option<&str> {
            self.sha256.as_deref()
        }
    }

    /// Whether an upload's SHA-256 is computed.
    #[derive(Debug, Clone, Copy)]
    pub enum Sha256Policy {
        /// It is.
        Compute,
    }

    /// The progress of a file.
    #[derive(Debug, Clone)]
    pub struct ItemProgressReport {
        /// The file's name.
        pub item_name: String,
        /// Bytes in all.
        pub total_bytes: u64,
        /// Bytes done.
        pub bytes_completed: u64,
    }

    /// The progress of several files.
    #[derive(Debug, Clone)]
    pub struct GroupProgressReport {
        /// Bytes in all.
        pub total_bytes: u64,
        /// Bytes done.
        pub total_bytes_completed: u64,
        /// Bytes a second.
        pub total_bytes_completion_rate: Option<f64>,
        /// Bytes to send.
        pub total_transfer_bytes: u64,
        /// Bytes sent.
        pub total_transfer_bytes_completed: u64,
        /// Bytes sent a second.
        pub total_transfer_bytes_completion_rate: Option<f64>,
    }

    /// A type without values: nothing gives one, since no session can be opened.
    macro_rules! never {
        ($($name:ident: $what:literal;)*) => {
            $(
                #[doc = $what]
                #[derive(Debug, Clone)]
                pub struct $name(Infallible);
            )*
        };
    }

    never! {
        XetSession: "A session.";
        XetUploadCommitBuilder: "An upload to be set up.";
        XetUploadCommit: "An upload of several files.";
        XetFileUpload: "An upload of a file.";
        XetStreamUpload: "An upload written piece by piece.";
        XetFileDownloadGroupBuilder: "A download to be set up.";
        XetFileDownloadGroup: "A download of several files.";
        XetFileDownload: "A download of a file.";
        XetDownloadStreamGroupBuilder: "A streamed download to be set up.";
        XetDownloadStreamGroup: "Streamed downloads.";
        XetDownloadStream: "A streamed download.";
    }

    /// Names an upload.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct UniqueId(Infallible);

    /// What became of an uploaded file.
    #[derive(Debug, Clone)]
    pub struct XetFileMetadata {
        /// The file.
        pub xet_info: XetFileInfo,
    }

    /// What became of an upload.
    #[derive(Debug, Clone)]
    pub struct XetCommitReport {
        /// The files.
        pub uploads: HashMap<UniqueId, XetFileMetadata>,
        /// How far it came.
        pub progress: GroupProgressReport,
    }

    #[allow(
        clippy::missing_errors_doc,
        clippy::unused_async,
        missing_docs,
        reason = "the methods of types without values: none can be called"
    )]
    mod methods {
        use super::*;

        impl XetSession {
            pub fn new_upload_commit(&self) -> Result<XetUploadCommitBuilder, XetError> {
                match self.0 {}
            }

            pub fn new_file_download_group(&self) -> Result<XetFileDownloadGroupBuilder, XetError> {
                match self.0 {}
            }

            pub fn new_download_stream_group(
                &self,
            ) -> Result<XetDownloadStreamGroupBuilder, XetError> {
                match self.0 {}
            }
        }

        macro_rules! builders {
            ($($builder:ident -> $built:ident;)*) => {
                $(
                    impl $builder {
                        pub fn with_endpoint(self, _: String) -> Self {
                            match self.0 {}
                        }

                        pub fn with_token_info(self, _: String, _: u64) -> Self {
                            match self.0 {}
                        }

                        pub fn with_token_refresh_url(self, _: String, _: HeaderMap) -> Self {
                            match self.0 {}
                        }

                        pub async fn build(self) -> Result<$built, XetError> {
                            match self.0 {}
                        }
                    }
                )*
            };
        }

        builders! {
            XetUploadCommitBuilder -> XetUploadCommit;
            XetFileDownloadGroupBuilder -> XetFileDownloadGroup;
            XetDownloadStreamGroupBuilder -> XetDownloadStreamGroup;
        }

        impl XetUploadCommit {
            pub async fn upload_from_path(
                &self,
                _: PathBuf,
                _: Sha256Policy,
            ) -> Result<XetFileUpload, XetError> {
                match self.0 {}
            }

            pub async fn upload_bytes(
                &self,
                _: Vec<u8>,
                _: Sha256Policy,
                _: Option<String>,
            ) -> Result<XetFileUpload, XetError> {
                match self.0 {}
            }

            pub async fn upload_stream(
                &self,
                _: Option<String>,
                _: Sha256Policy,
            ) -> Result<XetStreamUpload, XetError> {
                match self.0 {}
            }

            pub fn progress(&self) -> GroupProgressReport {
                match self.0 {}
            }

            pub async fn commit(self) -> Result<XetCommitReport, XetError> {
                match self.0 {}
            }
        }

        impl XetFileUpload {
            pub fn task_id(&self) -> UniqueId {
                match self.0 {}
            }

            pub fn progress(&self) -> Option<ItemProgressReport> {
                match self.0 {}
            }
        }

        impl XetStreamUpload {
            pub fn progress(&self) -> Option<ItemProgressReport> {
                match self.0 {}
            }

            pub async fn write(&self, _: Bytes) -> Result<(), XetError> {
                match self.0 {}
            }

            pub async fn finish(&self) -> Result<XetFileMetadata, XetError> {
                match self.0 {}
            }
        }

        impl XetFileDownloadGroup {
            pub async fn download_file_to_path(
                &self,
                _: XetFileInfo,
                _: PathBuf,
            ) -> Result<XetFileDownload, XetError> {
                match self.0 {}
            }

            pub fn progress(&self) -> GroupProgressReport {
                match self.0 {}
            }

            pub async fn finish(self) -> Result<(), XetError> {
                match self.0 {}
            }
        }

        impl XetFileDownload {
            pub fn result(&self) -> Option<()> {
                match self.0 {}
            }

            pub fn progress(&self) -> Option<ItemProgressReport> {
                match self.0 {}
            }
        }

        impl XetDownloadStreamGroup {
            pub async fn download_stream(
                &self,
                _: XetFileInfo,
                _: Option<Range<u64>>,
            ) -> Result<XetDownloadStream, XetError> {
                match self.0 {}
            }
        }

        impl XetDownloadStream {
            pub fn start(&mut self) {
                match self.0 {}
            }

            pub async fn next(&mut self) -> Result<Option<Bytes>, XetError> {
                match self.0 {}
            }
        }
    }
}

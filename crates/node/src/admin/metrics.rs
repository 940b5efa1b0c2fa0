//! The numbers of this process, as Prometheus reads them.
//!
//! In: what crates count through the `metrics` facade, and what the kernel knows of the process. Out: the text of
//! `/metrics`. Without an admin listener nothing is recorded, and counting costs next to nothing. It does not know what
//! the numbers mean.

use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;

/// The media type of the text.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How often what histograms were given is folded into their buckets: it waits in memory until then.
const FOLD_INTERVAL: Duration = Duration::from_secs(5);

/// Upper bounds of the buckets of every histogram of seconds, from a command in memory to a slow request.
const SECONDS: [f64; 16] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];

/// Why nothing can be recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetricsError {
    /// The process has another recorder; there can be one.
    #[error("metrics are already recorded by another part of this process")]
    Taken,
}

/// The recorder of this process.
#[derive(Clone)]
pub(super) struct Recorder {
    handle: PrometheusHandle,
    process: Collector,
}

impl Recorder {
    /// Records from now on; the first call of a process installs the recorder, later ones share it.
    ///
    /// # Errors
    /// [`MetricsError::Taken`] if somebody else installed one before.
    pub(super) fn install(program: &'static str) -> Result<Self, MetricsError> {
        static INSTALLED: OnceLock<Option<Recorder>> = OnceLock::new();
        let installed = INSTALLED.get_or_init(|| Self::build(program));
        installed.clone().ok_or(MetricsError::Taken)
    }

    fn build(program: &'static str) -> Option<Self> {
        let seconds = Matcher::Suffix("_seconds".into());
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(seconds, &SECONDS)
            .expect("there are buckets")
            .build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).ok()?;
        metrics::describe_gauge!("moor_build_info", "The program, its release and its build");
        metrics::gauge!(
            "moor_build_info",
            "program" => program,
            "version" => crate::VERSION,
            "build" => crate::BUILD,
        )
        .set(1.0);
        let process = Collector::default();
        process.describe();
        Some(Self { handle, process })
    }

    /// The text of now.
    pub(super) fn render(&self) -> String {
        self.process.collect();
        self.handle.render()
    }

    /// Keeps what waits in memory bounded; never ends.
    pub(super) async fn fold(self) {
        loop {
            tokio::time::sleep(FOLD_INTERVAL).await;
            self.handle.run_upkeep();
        }
    }
}

//! The operations port: metrics and health, on loopback by default.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use platform::lifecycle::Lifecycle;
use platform::telemetry::Metrics;
use tokio::net::TcpListener;

/// Serves `/metrics`, `/healthz` and `/readyz`.
pub(crate) async fn start(
    listen: SocketAddr,
    metrics: Metrics,
    ready: Arc<AtomicBool>,
    life: &Lifecycle,
) -> std::io::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    let text = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    let router = Router::new()
        .route("/metrics", get(move || async move { (text, metrics.render()) }))
        .route("/healthz", get(|| async { "ok\n" }))
        .route(
            "/readyz",
            get(move || async move {
                if ready.load(Ordering::SeqCst) {
                    (StatusCode::OK, "ready\n")
                } else {
                    (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
                }
            }),
        );
    let mut stopping = life.stopping();
    life.component("operations", async move {
        axum::serve(listener, router)
            .with_graceful_shutdown(async move { stopping.wait().await })
            .await
            .map_err(|error| error.to_string())
    });
    Ok(())
}

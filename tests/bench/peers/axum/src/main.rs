//! The webhook's mutation with axum, rustls and kube: the pod is decoded, and the patch is put together.
//!
//!     peer-axum PORT DIRECTORY FRAGMENTS
//!
//! DIRECTORY has tls.crt and tls.key; FRAGMENTS is a JSON file of what is injected.

use std::{collections::BTreeMap, error::Error, net::SocketAddr, sync::Arc};

use axum::{extract::State, routing::post, Json, Router};
use axum_server::{accept::NoDelayAcceptor, tls_rustls::RustlsConfig};
use json_patch::{jsonptr::PointerBuf, AddOperation, Patch, PatchOperation};
use k8s_openapi::api::core::v1::{Pod, PodSpec};
use kube_core::{
    admission::{AdmissionRequest, AdmissionResponse, AdmissionReview},
    DynamicObject, ResourceExt,
};
use serde::Deserialize;
use serde_json::{json, Value};

const TARGET: &str = "code-executor";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fragments {
    annotations: BTreeMap<String, String>,
    volumes: Vec<Value>,
    installer: Value,
    security_context: Value,
}

fn add<'a>(path: impl IntoIterator<Item = &'a str>, value: Value) -> PatchOperation {
    PatchOperation::Add(AddOperation {
        path: PointerBuf::from_tokens(path),
        value,
    })
}

/// The place of the target, if it has no securityContext of its own.
fn find_target(spec: &PodSpec) -> Option<usize> {
    let index = spec.containers.iter().position(|it| it.name == TARGET)?;
    let context = spec.containers[index].security_context.as_ref();
    context
        .is_none_or(|context| *context == Default::default())
        .then_some(index)
}

fn sandbox(pod: &Pod, fragments: &Fragments) -> Option<Patch> {
    let spec = pod.spec.as_ref()?;
    let target = find_target(spec)?.to_string();
    let mut operations = vec![add(["spec", "hostUsers"], json!(false))];
    if pod.metadata.annotations.is_none() {
        operations.push(add(["metadata", "annotations"], json!({})));
    }
    for (key, value) in &fragments.annotations {
        operations.push(add(["metadata", "annotations", key], json!(value)));
    }
    if spec.volumes.is_none() {
        operations.push(add(["spec", "volumes"], json!([])));
    }
    for volume in &fragments.volumes {
        operations.push(add(["spec", "volumes", "-"], volume.clone()));
    }
    if spec.init_containers.is_none() {
        operations.push(add(["spec", "initContainers"], json!([])));
    }
    operations.push(add(
        ["spec", "initContainers", "0"],
        fragments.installer.clone(),
    ));
    operations.push(add(
        ["spec", "containers", &target, "securityContext"],
        fragments.security_context.clone(),
    ));
    Some(Patch(operations))
}

async fn mutate(
    State(fragments): State<Arc<Fragments>>,
    Json(review): Json<AdmissionReview<Pod>>,
) -> Json<AdmissionReview<DynamicObject>> {
    let request: AdmissionRequest<Pod> = match review.try_into() {
        Ok(request) => request,
        Err(error) => return Json(AdmissionResponse::invalid(error).into_review()),
    };
    let response = AdmissionResponse::from(&request);
    let Some((pod, patch)) = request
        .object
        .as_ref()
        .and_then(|pod| Some((pod, sandbox(pod, &fragments)?)))
    else {
        return Json(response.into_review());
    };
    tracing::info!(
        uid = request.uid,
        namespace = pod.namespace(),
        name = pod.metadata.generate_name,
        outcome = "sandboxed",
        "review"
    );
    Json(match response.with_patch(patch) {
        Ok(response) => response.into_review(),
        Err(error) => AdmissionResponse::invalid(error).into_review(),
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, port, directory, fragments] = arguments.as_slice() else {
        return Err("usage: peer-axum PORT DIRECTORY FRAGMENTS".into());
    };
    tracing_subscriber::fmt()
        .json()
        .with_writer(std::io::stderr)
        .init();
    let fragments: Fragments = serde_json::from_str(&std::fs::read_to_string(fragments)?)?;
    let application = Router::new()
        .route("/mutate", post(mutate))
        .with_state(Arc::new(fragments));
    let pair = RustlsConfig::from_pem_file(
        format!("{directory}/tls.crt"),
        format!("{directory}/tls.key"),
    )
    .await?;
    let address = SocketAddr::from(([127, 0, 0, 1], port.parse()?));
    axum_server::bind_rustls(address, pair)
        .map(|acceptor| acceptor.acceptor(NoDelayAcceptor))
        .serve(application.into_make_service())
        .await?;
    Ok(())
}

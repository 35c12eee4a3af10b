//! The function, called directly, with everything that it shares between events: any number of them at a time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_codeartifact::config::{
    BehaviorVersion, Credentials, Region, SharedCredentialsProvider, SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_smithy_async::rt::sleep::TokioSleep;
use codeartifact_stack::{
    AllowedHosts, Delivery, Function, Invocation, Limits, Patience, ResponseMode, Settings, client, retries,
};
use futures_util::future::{AbortHandle, abortable};
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::answers::Answers;
use crate::clock::VirtualClock;
use crate::shared::place::{FUNCTION_ARN, LOG_GROUP, LOG_STREAM, REGION};
use crate::shared::transport::{Ended, Invoke, Killed, Transport};

pub(crate) struct InProcess {
    function: Function,
    running: Mutex<Vec<AbortHandle>>,
}

impl InProcess {
    /// With the patience and the retries of a deployment: what waits takes no time here.
    pub(crate) fn new(service: SharedHttpClient, answers: Answers) -> Self {
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url("http://codeartifact.invalid")
            .http_client(service)
            .region(Region::new(REGION))
            .retry_config(retries())
            .sleep_impl(TokioSleep::new())
            .time_source(VirtualClock::start())
            // It watches a body on its way, and here there is no way.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "AKIAINPROCESS0000001",
                "secret",
                None,
                None,
                "test",
            )));
        let settings = Settings {
            region: REGION.to_owned(),
            response_mode: ResponseMode::Auto,
            allowed_hosts: AllowedHosts::parse("http://127.0.0.1:*").unwrap(),
            patience: Patience::default(),
            limits: Limits::default(),
        };
        let delivery = Delivery::over(Arc::new(answers));
        Self {
            function: Function::new(settings, &client(&config.build()), delivery),
            running: Mutex::default(),
        }
    }
}

impl Transport for InProcess {
    fn invoke(&self, event: String, allowed: Duration) -> Invoke<'_> {
        Box::pin(async move {
            let invocation = Invocation {
                request_id: "00000000-0000-4000-8000-000000000000".to_owned(),
                function_arn: FUNCTION_ARN.to_owned(),
                deadline: Instant::now() + allowed,
                log_group: LOG_GROUP.to_owned(),
                log_stream: LOG_STREAM.to_owned(),
            };
            let event = RawValue::from_string(event).unwrap();
            let (work, handle) = abortable(self.function.handle(&event, invocation));
            self.running.lock().unwrap().push(handle);
            match tokio::time::timeout(allowed, work).await {
                Ok(Ok(Ok(value))) => Ended::Returned(value),
                Ok(Ok(Err(failure))) => Ended::Failed {
                    error_type: failure.kind.as_str().to_owned(),
                    message: failure.reason,
                },
                Ok(Err(_)) => Ended::Died,
                Err(_) => Ended::TimedOut,
            }
        })
    }

    fn kill(&self) -> Killed<'_> {
        Box::pin(async move {
            for running in self.running.lock().unwrap().drain(..) {
                running.abort();
            }
        })
    }
}

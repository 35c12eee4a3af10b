//! The function, called directly, with everything that it shares between events: any number of them at a time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_codeartifact::config::{
    BehaviorVersion, Credentials, Region, SharedCredentialsProvider, SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_smithy_async::rt::sleep::TokioSleep;
use codeartifact_stack::{Delivery, Function, Patience, client, retries};
use futures_util::future::{AbortHandle, abortable};
use serde_json::value::RawValue;

use crate::answers::Answers;
use crate::clock::VirtualClock;
use crate::shared::place::{REGION, invocation, settings};
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
        let delivery = Delivery::over(Arc::new(answers));
        Self {
            function: Function::new(settings(Patience::default()), client(&config.build()), delivery),
            running: Mutex::default(),
        }
    }
}

impl Transport for InProcess {
    fn invoke(&self, event: String, allowed: Duration) -> Invoke<'_> {
        Box::pin(async move {
            let event = RawValue::from_string(event).unwrap();
            let (work, handle) = abortable(self.function.handle(&event, invocation(allowed)));
            self.running.lock().unwrap().push(handle);
            match tokio::time::timeout(allowed, work).await {
                Ok(Ok(answer)) => answer.into(),
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

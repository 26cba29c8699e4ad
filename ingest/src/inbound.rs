//! Acceptance for sockets: the same code as for requests over HTTP.

use async_trait::async_trait;
use futures_util::FutureExt;
use platform::auth;
use platform::inbound::{Identity, Inbound, Outcome};
use schemas::{ApiError, Code};
use serde_json::value::RawValue;

use crate::error::Failure;
use crate::extract::read_json;
use crate::limit::{Account, Class};
use crate::message::write;
use crate::state::Ingest;

#[async_trait]
impl Inbound for Ingest {
    fn authenticate(&self, token: &str) -> Result<Identity, ApiError> {
        auth::authenticate(&self.keys, &self.node, self.now(), token)
    }

    async fn accept(
        &self,
        who: &Identity,
        kind: &str,
        data: Option<&RawValue>,
    ) -> Result<Outcome, ApiError> {
        match kind {
            "message.send" => {
                let account = Account::User(who.user);
                self.limiter.check(&*self.platform.ephemeral, Class::Messages, account).await?;
                let json = data.map_or("{}", RawValue::get);
                let request = read_json(json.as_bytes())?;
                let sent = write::accept(self, who.user, &request, None)
                    .await
                    .map_err(|failure: Failure| failure.into_api(self))?;
                let ingest = self.clone();
                let outcome = async move {
                    sent.outcome().await.map_err(|failure| failure.into_api(&ingest))
                };
                Ok(outcome.boxed())
            }
            _ => Err(ApiError::new(Code::Unsupported, "this type of request is not supported")),
        }
    }
}

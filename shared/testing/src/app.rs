//! The registry in a test.

use std::sync::Arc;

use granary_auth::{KeySource, OidcVerifier, StaticKeys};
use granary_http::{App, AppState, Config};
use granary_local::app;
use granary_local::engines::Engines;
use granary_local::engines::probe::Probe;
use granary_model::{Clock as _, FixedClock, RandomIds, Timestamp};
use granary_storage::kept::KeptRows;
use granary_storage::{Embedded, Names, Storage};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::actor::Actor;
use crate::identity::TestIssuer;
use crate::meter::Meter;

/// The public address that documents of a test name.
pub const PUBLIC_URL: &str = "http://localhost:8080";

/// Where the clock of a new registry stands, in milliseconds since 1970.
pub const START: i64 = 1_790_000_000_000;

/// The whole registry, in process, in a folder of its own.
pub struct TestApp {
    pub(crate) app: App,
    /// Counts storage calls and makes them fail.
    pub probe: Probe,
    /// Moves time.
    pub clock: Arc<FixedClock>,
    /// Signs ID tokens.
    pub issuer: Arc<TestIssuer>,
    engines: Engines,
    s3_public: String,
    on_aws: bool,
    meter: Option<Meter>,
    folder: Arc<TempDir>,
}

impl std::fmt::Debug for TestApp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TestApp")
    }
}

impl TestApp {
    /// A new, empty registry.
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// A new, empty registry that is as patient with its storage as on AWS: with retries and limits. To be used with
    /// tokio's time paused, so that nobody really waits.
    pub async fn on_aws() -> Self {
        Self::made(true, None, Names::embedded(), |_| {}).await
    }

    /// A new, empty registry whose use of tables is metered.
    pub async fn metered() -> (Self, Meter) {
        Self::metered_with(|_| {}).await
    }

    /// The same with other settings.
    pub async fn metered_with(change: impl FnOnce(&mut Config)) -> (Self, Meter) {
        let meter = Meter::default();
        (Self::made(false, Some(meter.clone()), Names::embedded(), change).await, meter)
    }

    /// A new, empty registry with other names of its stores: functions on AWS know only those that they use.
    pub async fn named(change: impl FnOnce(&mut Names)) -> Self {
        let mut names = Names::embedded();
        change(&mut names);
        Self::made(false, None, names, |_| {}).await
    }

    /// A new, empty registry with other settings.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::made(false, None, Names::embedded(), change).await
    }

    async fn made(
        on_aws: bool,
        meter: Option<Meter>,
        names: Names,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let folder = TempDir::new().unwrap();
        let engines = Engines::open(folder.path()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let s3_public = format!("http://{}", listener.local_addr().unwrap());
        let serving = engines.clone();
        tokio::spawn(async move { serving.serve_s3(listener, std::future::pending()).await });
        let mut config = Config::local(PUBLIC_URL);
        config.instance_admins = vec!["root".parse().unwrap()];
        change(&mut config);
        let probe = Probe::new();
        let storage = connect(&engines, &s3_public, &probe, meter.as_ref(), names, on_aws, None);
        storage.create_missing().await.unwrap();
        let clock = Arc::new(FixedClock::new(Timestamp::from_millis(START)));
        let issuer = Arc::new(TestIssuer::default());
        let app = Self::assemble(config, storage, &issuer, &clock);
        probe.reset();
        Self { app, probe, clock, issuer, engines, s3_public, on_aws, meter, folder: Arc::new(folder) }
    }

    /// Another process over the same stores: it remembers nothing. It shares clock and probe.
    #[must_use]
    pub fn restarted(&self) -> Self {
        self.over(self.probed(None))
    }

    /// The same as the one process that has the stores for itself, with rows in memory.
    #[must_use]
    pub fn alone(&self) -> Self {
        self.over(self.probed(Some(self.engines.kept_rows())))
    }

    fn probed(&self, kept: Option<Arc<KeptRows>>) -> Storage {
        let names = self.state().storage().names().clone();
        let meter = self.meter.as_ref();
        connect(&self.engines, &self.s3_public, &self.probe, meter, names, self.on_aws, kept)
    }

    fn over(&self, storage: Storage) -> Self {
        Self {
            app: Self::assemble(self.state().config().clone(), storage, &self.issuer, &self.clock),
            probe: self.probe.clone(),
            clock: Arc::clone(&self.clock),
            issuer: Arc::clone(&self.issuer),
            engines: self.engines.clone(),
            s3_public: self.s3_public.clone(),
            on_aws: self.on_aws,
            meter: self.meter.clone(),
            folder: Arc::clone(&self.folder),
        }
    }

    fn assemble(config: Config, storage: Storage, issuer: &TestIssuer, clock: &Arc<FixedClock>) -> App {
        let keys = KeySource::Static(StaticKeys::new(issuer.jwks()).unwrap());
        let oidc = OidcVerifier::new(&config.oidc_issuer, &config.oidc_audience, keys);
        let state = app::state(config, storage, oidc, clock.clone(), Arc::new(RandomIds));
        granary_http::serve(app::routes(), state)
    }

    /// The state behind the handlers.
    pub fn state(&self) -> &AppState {
        self.app.state()
    }

    /// The engines.
    pub fn engines(&self) -> &Engines {
        &self.engines
    }

    /// Somebody without credentials.
    pub fn anonymous(&self) -> Actor {
        Actor::new(self.app.clone(), None)
    }

    /// Somebody with this token or ID token.
    pub fn token(&self, token: &str) -> Actor {
        Actor::new(self.app.clone(), Some(format!("Bearer {token}")))
    }

    /// A user who has signed in.
    pub fn user(&self, sub: &str) -> Actor {
        self.token(&self.id_token(sub))
    }

    /// A user who has signed in once, so that others can name them.
    pub async fn known_user(&self, sub: &str) -> Actor {
        let user = self.user(sub);
        let response = user.get("/api/repos").await;
        assert_eq!(response.status, 200, "{}", response.text());
        user
    }

    /// An ID token as the provider makes it.
    pub fn id_token(&self, sub: &str) -> String {
        let config = self.state().config();
        let now = self.clock.now().seconds();
        self.issuer.id_token(&json!({
            "iss": config.oidc_issuer, "aud": config.oidc_audience, "sub": sub, "iat": now, "exp": now + 3600,
            "name": format!("Name of {sub}"), "email": format!("{sub}@example.com"),
            "email_verified": true,
        }))
    }

    /// Makes a repository for npm owned by `owner` and gives the owner's token of all scopes.
    pub async fn npm_repo(&self, owner: &str, name: &str, visibility: &str) -> Actor {
        self.repo(owner, name, &["npm"], visibility).await
    }

    /// Makes a repository owned by `owner` and gives the owner's token of all scopes.
    pub async fn repo(&self, owner: &str, name: &str, types: &[&str], visibility: &str) -> Actor {
        let session = self.user(owner);
        let body = json!({ "name": name, "packageTypes": types, "visibility": visibility });
        let response = session.post_json("/api/repos", &body).await;
        assert_eq!(response.status, 201, "{}", response.text());
        self.account_token(owner, &["read", "write", "admin"]).await
    }

    /// Makes a user, who has signed in, a member of a repository.
    pub async fn add_member(&self, owner: &str, repo: &str, user: &str, role: &str) {
        self.known_user(user).await;
        let body = json!({ "userId": user, "role": role });
        let response = self.user(owner).post_json(&format!("/api/repos/{repo}/members"), &body).await;
        assert_eq!(response.status, 201, "{}", response.text());
    }

    /// Makes a token of a repository.
    pub async fn repo_token(&self, owner: &str, repo: &str, scopes: &[&str]) -> Actor {
        let body = json!({ "name": "test", "scopes": scopes });
        let response = self.user(owner).post_json(&format!("/api/repos/{repo}/tokens"), &body).await;
        assert_eq!(response.status, 201, "{}", response.text());
        self.token(response.json()["rawToken"].as_str().unwrap())
    }

    /// Makes an account token of a user.
    pub async fn account_token(&self, user: &str, scopes: &[&str]) -> Actor {
        let body = json!({ "name": "test", "scopes": scopes });
        let response = self.user(user).post_json("/api/auth/token", &body).await;
        assert_eq!(response.status, 201, "{}", response.text());
        self.token(response.json()["rawToken"].as_str().unwrap())
    }

    /// Handles events until none is waiting.
    pub async fn settle(&self) {
        for _ in 0..100 {
            if Box::pin(granary_events::consume_once(self.state(), 0)).await.unwrap() == 0 {
                return;
            }
        }
        panic!("events never end");
    }

    /// Follows up every event of which no message has come, as the schedule does.
    pub async fn sweep(&self) {
        Box::pin(granary_events::sweep(self.state(), true)).await.unwrap();
        self.settle().await;
    }

    /// The rows of an audit scope in the present month.
    pub async fn audit(&self, scope: &str) -> Vec<Value> {
        let key = granary_storage::Key::Audit(scope.into(), self.clock.now().month(), String::new());
        self.state().storage().list_all(&key, "").await.unwrap()
    }
}

fn connect(
    engines: &Engines,
    s3_public: &str,
    probe: &Probe,
    meter: Option<&Meter>,
    names: Names,
    on_aws: bool,
    kept: Option<Arc<KeptRows>>,
) -> Storage {
    let clients = engines.probed(probe);
    let credentials = engines.s3_credentials();
    let embedded = Embedded {
        dynamodb: match meter {
            Some(meter) => meter.wrap(clients.dynamodb),
            None => clients.dynamodb,
        },
        s3: clients.s3,
        sqs: clients.sqs,
        access_key: credentials.access_key().into(),
        secret_key: credentials.secret_key().into(),
        s3_public_endpoint: s3_public.into(),
        names,
        // Tests count and break the calls that are made on AWS, where nothing is kept. Whoever looks for rows that are kept
        // too long has all tests run with them; those that count fail then.
        kept: kept.or_else(|| std::env::var_os("GRANARY_TEST_KEPT").map(|_| engines.kept_rows())),
    };
    if on_aws { Storage::rehearsal(embedded) } else { Storage::embedded(embedded) }
}

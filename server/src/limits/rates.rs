//! Rate limits: a token bucket for each user and kind of call.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::config::Config;
use crate::domain::UserId;

/// The rates of all users. One user's calls are counted together, over all of its sockets.
#[derive(Debug)]
pub(crate) struct Rates {
    frames: Option<DefaultKeyedRateLimiter<UserId>>,
    messages: Option<DefaultKeyedRateLimiter<UserId>>,
    requests: Option<DefaultKeyedRateLimiter<UserId>>,
    ai_jobs_of_user: Option<DefaultKeyedRateLimiter<UserId>>,
    ai_jobs: Option<DefaultDirectRateLimiter>,
    clock: DefaultClock,
}

impl Rates {
    /// As the configuration says: none in development unless set.
    pub(crate) fn new(config: &Config) -> Self {
        /// The rates of production without configuration, a minute.
        const FRAMES: u32 = 6_000;
        const MESSAGES: u32 = 600;
        const REQUESTS: u32 = 1_200;
        const AI_JOBS_OF_USER: u32 = 30;
        const AI_JOBS: u32 = 600;
        let limiter = |rate: Option<u32>, burst: u32| {
            let quota = Quota::per_minute(NonZeroU32::new(rate?)?).allow_burst(NonZeroU32::new(burst)?);
            Some(RateLimiter::keyed(quota))
        };
        Self {
            frames: limiter(config.by_mode(config.frames_per_minute, FRAMES), config.frame_burst),
            messages: limiter(config.by_mode(config.messages_per_minute, MESSAGES), config.message_burst),
            requests: limiter(config.by_mode(config.requests_per_minute, REQUESTS), config.request_burst),
            ai_jobs_of_user: config
                .by_mode(config.ai_jobs_per_user, AI_JOBS_OF_USER)
                .and_then(|most| limiter(Some(most), most)),
            ai_jobs: config
                .by_mode(config.ai_jobs_per_minute, AI_JOBS)
                .and_then(NonZeroU32::new)
                .map(|most| RateLimiter::direct(Quota::per_minute(most))),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a frame of whatever kind.
    ///
    /// # Errors
    /// The rate is exceeded; the error is how long to wait.
    pub(crate) fn frame(&self, user: &UserId) -> Result<(), Duration> {
        self.count(self.frames.as_ref(), user)
    }

    /// Counts a message.
    ///
    /// # Errors
    /// The rate is exceeded; the error is how long to wait.
    pub(crate) fn message(&self, user: &UserId) -> Result<(), Duration> {
        self.count(self.messages.as_ref(), user)
    }

    /// Counts a request.
    ///
    /// # Errors
    /// The rate is exceeded; the error is how long to wait.
    pub(crate) fn request(&self, user: &UserId) -> Result<(), Duration> {
        self.count(self.requests.as_ref(), user)
    }

    /// Counts a question to the AI, for its user and for the server.
    ///
    /// # Errors
    /// The rate is exceeded; the error is how long to wait.
    pub(crate) fn ai_job(&self, user: &UserId) -> Result<(), Duration> {
        self.count(self.ai_jobs_of_user.as_ref(), user)?;
        let Some(limiter) = &self.ai_jobs else {
            return Ok(());
        };
        limiter.check().map_err(|refused| refused.wait_time_from(self.clock.now()))
    }

    fn count(&self, limiter: Option<&DefaultKeyedRateLimiter<UserId>>, user: &UserId) -> Result<(), Duration> {
        let Some(limiter) = limiter else {
            return Ok(());
        };
        limiter.check_key(user).map_err(|refused| refused.wait_time_from(self.clock.now()))
    }

    /// Forgets the users whose buckets are full again. Called periodically, so that memory is bounded by recent activity.
    pub(crate) fn forget_idle(&self) {
        for limiter in [&self.frames, &self.ai_jobs_of_user, &self.messages, &self.requests].into_iter().flatten() {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_burst_passes_and_the_next_one_is_told_when() {
        let config = json!({"messages_per_minute": 1, "message_burst": 3, "requests_per_minute": 0});
        let rates = Rates::new(&Config::from_value(config).unwrap());
        let (ann, ben) = (UserId::from("ann"), UserId::from("ben"));
        for _ in 0..3 {
            rates.message(&ann).unwrap();
        }
        let wait = rates.message(&ann).unwrap_err();
        assert!(wait > Duration::from_secs(50) && wait <= Duration::from_secs(60), "{wait:?}");
        rates.message(&ben).unwrap();
        for _ in 0..100 {
            rates.request(&ann).unwrap();
        }
    }

    #[test]
    fn only_production_has_rates_by_itself() {
        let of = |config| Rates::new(&Config::from_value(config).unwrap());
        let dev = of(json!({}));
        assert!(dev.messages.is_none() && dev.requests.is_none());
        let jwt = || json!({"auth": "jwt", "jwt_secret": "0123456789abcdef0123456789abcdef"});
        assert!(of(jwt()).messages.is_some() && of(jwt()).requests.is_some());
        let mut unlimited = jwt();
        unlimited["messages_per_minute"] = json!(0);
        assert!(of(unlimited).messages.is_none());
    }
}

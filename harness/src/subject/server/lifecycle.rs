//! Ending a server and starting it again.

use super::{Launcher, RunningInstance, Server};
use crate::subject::error::SubjectError;
use crate::subject::subprocess::LeftRunning;

impl Server {
    /// Stops the server: asks it to (SIGTERM to the process group, or the shutdown future), and
    /// kills it when it takes longer than its stop timeout, which the log then says. Does
    /// nothing to a server that is not up.
    ///
    /// # Errors
    /// [`SubjectError::NotOurs`] for a remote server.
    pub async fn stop(&self) -> Result<(), SubjectError> {
        self.end(false).await
    }

    /// Ends the server without asking: SIGKILL to the process group, or it is dropped with
    /// everything that it spawned. A thread of it that stays blocked is left behind ([`left_behind`](Self::left_behind)).
    ///
    /// # Errors
    /// [`SubjectError::NotOurs`] for a remote server.
    pub async fn kill(&self) -> Result<(), SubjectError> {
        self.end(true).await
    }

    /// Starts the server again on its port, after a stop or an end of its own. Does nothing to
    /// a server that is up.
    ///
    /// # Errors
    /// As [`Subject::start`](crate::subject::Subject::start); [`SubjectError::Moved`] if it comes back elsewhere;
    /// [`SubjectError::NotOurs`] for a remote server.
    pub async fn start(&self) -> Result<(), SubjectError> {
        self.check_ours()?;
        let mut instance = self.instance.lock().await;
        // A stop that was given up halfway leaves an instance, but not one that is meant to be up.
        let up = self.current.borrow().is_some() && self.died().is_none();
        if instance.is_some() && up {
            return Ok(());
        }
        if let Some(left) = instance.take() {
            left.kill(&self.logs).await;
        }
        let started = match &self.launcher {
            Launcher::InProcess(launcher) => RunningInstance::InProcess(launcher.again().await?),
            Launcher::Subprocess(launcher) => {
                let (process, url) = launcher.again(&self.logs).await?;
                if url != self.url {
                    let (server, was) = (self.name.clone(), self.url.clone());
                    return Err(SubjectError::Moved { server, was, now: url });
                }
                RunningInstance::Process(process)
            }
            Launcher::Remote(_) => return Ok(()),
        };
        self.current.send_replace(Some(started.ended()));
        *instance = Some(started);
        Ok(())
    }

    /// [`stop`](Self::stop), then [`start`](Self::start).
    ///
    /// # Errors
    /// As those two.
    pub async fn restart(&self) -> Result<(), SubjectError> {
        self.stop().await?;
        self.start().await
    }

    /// Lets a subprocess outlive the runner, and says where it is and where it writes its log.
    /// `None`, and the server ends, unless its [`SubprocessSpec::keepable`](crate::subject::SubprocessSpec::keepable) is set and it is up.
    ///
    /// # Errors
    /// [`SubjectError::Io`] when its files can't be moved out of the runner's temporary folder;
    /// the server ends.
    pub fn detach(self) -> Result<Option<LeftRunning>, SubjectError> {
        match (self.launcher, self.instance.into_inner()) {
            (Launcher::Subprocess(launcher), Some(RunningInstance::Process(process))) => {
                launcher.detach(process, self.url)
            }
            _ => Ok(None),
        }
    }

    async fn end(&self, at_once: bool) -> Result<(), SubjectError> {
        self.check_ours()?;
        let mut slot = self.instance.lock().await;
        // An end that nobody asked for stays on record, whatever is asked afterwards.
        if self.died().is_some() {
            return Ok(());
        }
        let Some(instance) = &*slot else {
            return Ok(());
        };
        self.current.send_replace(None);
        match (instance, at_once) {
            (RunningInstance::InProcess(running), false) => running.stop(self.stop_timeout, &self.logs).await,
            (RunningInstance::Process(process), false) => {
                process.stop(self.stop_timeout, &self.logs).await;
            }
            (instance, true) => instance.kill(&self.logs).await,
        }
        *slot = None;
        Ok(())
    }

    fn check_ours(&self) -> Result<(), SubjectError> {
        match self.launcher {
            Launcher::Remote(_) => Err(SubjectError::NotOurs { url: self.url.clone() }),
            _ => Ok(()),
        }
    }
}

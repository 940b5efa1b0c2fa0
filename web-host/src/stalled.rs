//! A connection that ends when its other side takes nothing for too long.
//!
//! In: a byte stream. Out: the same, whose writes fail with [`io::ErrorKind::TimedOut`] once one has waited for
//! [`WRITE_TIME_MAX`]. What is read has bounds of its own elsewhere: of a request's head, of a body, of a browser's silence.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How long the other side may take nothing while something is to be sent.
pub const WRITE_TIME_MAX: Duration = Duration::from_secs(20);

/// The stream.
pub struct Stalled<S> {
    stream: S,
    /// Runs while a write waits.
    patience: Option<Pin<Box<Sleep>>>,
}

impl<S> Stalled<S> {
    /// Watches over `stream`.
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            patience: None,
        }
    }

    /// `written`, or an error when writes have waited for too long.
    fn within_time<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.patience = None;
            return written;
        }
        let patience = self
            .patience
            .get_or_insert_with(|| Box::pin(sleep(WRITE_TIME_MAX)));
        ready!(patience.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stalled<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stalled<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.within_time(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.within_time(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.within_time(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.within_time(context, shut)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::{Instant, advance};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_reader_who_takes_nothing_ends_the_stream() {
        let (near, _far) = duplex(8);
        let began = Instant::now();
        let written = Stalled::new(near).write_all(&[0; 9]).await;
        assert_eq!(written.expect_err("stuck").kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() >= WRITE_TIME_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_has_its_time_for_each_write() {
        let (near, mut far) = duplex(1);
        let mut near = Stalled::new(near);
        let slowly = async {
            for _ in 0..5 {
                advance(WRITE_TIME_MAX - Duration::from_secs(1)).await;
                far.read_u8().await.expect("a byte");
            }
        };
        let (written, ()) = tokio::join!(near.write_all(&[0; 5]), slowly);
        written.expect("all of it");
    }
}

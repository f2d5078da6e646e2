// SIGINT and SIGTERM: the first asks the program to stop at the next step, the second ends it at once.
#pragma once

namespace sora {

/// Also ignores SIGXFSZ and SIGPIPE, so that a full disk or a closed pipe is an error return and not a death, and turns
/// the SIGBUS of a mapped file that shrinks while it is read into a message and exit code 4.
void install_signal_handlers();

/// Throws Error{interrupted | terminated} if a signal has come. Called between steps and between frames.
void check_interrupted();

}  // namespace sora

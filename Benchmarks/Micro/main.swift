// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Dispatch

// The main function is synchronous: valgrind cannot follow the signals that an asynchronous one waits on. Nothing but
// the measured task runs meanwhile, and this thread, its owner, waits for its end; detached, because it would run on
// the main actor otherwise, which is this thread.
let options = Options(CommandLine.arguments.dropFirst())
let finished = DispatchSemaphore(value: 0)
Task.detached {
    await Runner(options).run()
    finished.signal()
}
finished.wait()

// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension Command {
    /// The command's figures, again and again, until the reader's task is cancelled.
    ///
    /// Nothing runs between two readings, and nothing is kept for a reader that is slow: it gets the figures of the
    /// moment at which it asks, at most once in `interval`.
    /// - Parameter interval: Default 500 ms: `hystrix.stream`'s delay.
    public func metrics(every interval: Nanoseconds = .milliseconds(500)) -> AsyncStream<CommandMetrics> {
        stream(every: interval) { $0.metrics }
    }

    /// The command as `hystrix.stream` shows it (`text/event-stream`), for Hystrix' dashboard and Turbine.
    /// - Parameter interval: Default 500 ms: `hystrix.stream`'s delay.
    public func hystrixStream(every interval: Nanoseconds = .milliseconds(500)) -> AsyncStream<String> {
        stream(every: interval) { command in
            let milliseconds = command.timeOfDay.sinceEpoch.rawValue / 1_000_000
            return command.metrics.hystrixStreamEvent(command.streamProperties, wallClock: milliseconds)
        }
    }

    private func stream<Element: Sendable>(
        every interval: Nanoseconds,
        _ element: @escaping @Sendable (Command) -> Element
    ) -> AsyncStream<Element> {
        AsyncStream { [self] in
            let clock = ticks
            guard (try? await clock.sleep(until: clock.now.advanced(by: interval))) != nil else { return nil }
            return element(self)
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

@preconcurrency import Dispatch
import Foundation
import NIOCore
import NIOPosix

/// This process's identifier.
var processID: Int32 { ProcessInfo.processInfo.processIdentifier }

/// Prints one line of JSON, at once.
func printJSON(_ value: [String: String]) throws {
    let data = try JSONSerialization.data(withJSONObject: value, options: [.sortedKeys, .withoutEscapingSlashes])
    FileHandle.standardOutput.write(data + Data("\n".utf8))
}

/// The signals that end a program from a terminal or a supervisor.
private func interruptions() -> AsyncStream<Int32> {
    AsyncStream { continuation in
        let sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler { continuation.yield(number) }
            source.activate()
            return source
        }
        continuation.onTermination = { _ in for source in sources { source.cancel() } }
    }
}

/// Runs `body` until it returns or somebody interrupts the program, which cancels it.
/// - Returns: `nil` after an interruption.
func withInterruption<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value? {
    let signals = interruptions()
    return try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            for await _ in signals { return nil }
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next() else { return nil }
        group.cancelAll()
        // The other child is let finish: that is what stops the processes that it started.
        while let rest = await group.nextResult() { _ = rest }
        return first
    }
}

/// Runs `body` until it returns, a signal comes or, if somebody supervises this process, that one ends.
func runSupervised(_ isSupervised: Bool, _ body: @escaping @Sendable () async throws -> Void) async throws {
    _ = try await withInterruption {
        if isSupervised { try await whileSupervised(body) } else { try await body() }
    }
}

/// Runs `body` until it returns or standard input ends: the kernel closes it however the supervisor dies, so that no
/// process is left behind.
func whileSupervised(_ body: @escaping @Sendable () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await body() }
        group.addTask { try await standardInputEnded() }
        defer { group.cancelAll() }
        try await group.next()
        group.cancelAll()
        while let rest = await group.nextResult() { _ = rest }
    }
}

private func standardInputEnded() async throws {
    let (stream, continuation) = AsyncStream.makeStream(of: Never.self)
    // A thread of its own that waits, and not a source of events: the end of the input and SIGTERM come at once, and what
    // serves a file handle must not be taken down while the process ends.
    Thread.detachNewThread {
        var byte: UInt8 = 0
        while true {
            let count = read(FileHandle.standardInput.fileDescriptor, &byte, 1)
            if count == 0 || count < 0 && errno != EINTR { break }
        }
        continuation.finish()
    }
    for await _ in stream {}
}

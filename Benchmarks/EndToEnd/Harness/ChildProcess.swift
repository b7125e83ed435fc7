// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Dispatch
import Foundation
import Synchronization

/// A process that this one has started and stops again.
final class ChildProcess: Sendable {
    // `Process` and `Pipe` are Sendable; what is read from the pipe is read by one thread, the main one.
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()

    /// Starts a program.
    /// - Parameters:
    ///   - environment: What its environment has besides ours.
    ///   - readsErrors: Whether what it says on standard error is read as well, or else shown.
    init(
        _ path: String,
        _ arguments: [String],
        environment: [String: String] = [:],
        readsErrors: Bool = false
    ) throws {
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = input
        process.standardOutput = output
        if readsErrors { process.standardError = output }
        try process.run()
        Self.running.withLock { _ = $0.insert(process.processIdentifier) }
    }

    /// Starts this program with other arguments; what it says on standard error is read as well.
    static func own(_ arguments: [String]) throws -> ChildProcess {
        guard let path = Bundle.main.executablePath else {
            throw HarnessError("the program does not know its own path")
        }
        return try ChildProcess(path, arguments, readsErrors: true)
    }

    var identifier: Int32 { process.processIdentifier }

    /// Reads its output up to something that it says when it is ready.
    /// - Returns: The output so far, that line included.
    func read(upTo mark: String) throws -> String {
        var text = ""
        while true {
            let part = output.fileHandleForReading.availableData
            guard !part.isEmpty else {
                throw HarnessError("\(process.executableURL?.lastPathComponent ?? "?") ended: \(text.suffix(2000))")
            }
            text += String(decoding: part, as: UTF8.self)
            guard let found = text.range(of: mark) else { continue }
            if text[found.upperBound...].contains("\n") { return text }
        }
    }

    /// Reads its output to the end, and waits for its end.
    /// - Parameter limit: The seconds after which it is killed.
    func readToEnd(limit: Double) throws -> String {
        let identifier = identifier
        let alarm = DispatchWorkItem { kill(identifier, SIGKILL) }
        DispatchQueue.global().asyncAfter(deadline: .now() + limit, execute: alarm)
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        // Not waited for yet, so that the identifier cannot be another process's when the alarm goes off.
        alarm.cancel()
        process.waitUntilExit()
        Self.running.withLock { _ = $0.remove(identifier) }
        guard process.terminationStatus == 0 else {
            throw HarnessError("it ended with \(process.terminationStatus) \(text.suffix(2000))")
        }
        return text
    }

    /// Stops it and waits for its end.
    func stop() {
        try? input.fileHandleForWriting.close()
        process.terminate()
        process.waitUntilExit()
        Self.running.withLock { _ = $0.remove(process.processIdentifier) }
    }

    private static let running = Mutex<Set<Int32>>([])

    /// Makes the signals that end this process end its children, too.
    /// - Returns: The sources of the signals; to be kept for as long as that shall be.
    static func stopOnSignals() -> [any DispatchSourceSignal] {
        [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                for identifier in running.withLock({ $0 }) { kill(identifier, SIGTERM) }
                exit(128 + number)
            }
            source.resume()
            return source
        }
    }
}

/// Why something cannot be run.
struct HarnessError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

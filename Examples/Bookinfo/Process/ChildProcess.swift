// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import Synchronization

/// A process of Bookinfo that this process started: it dies with it.
final class ChildProcess: Sendable {
    /// What it is called.
    let name: String
    private let arguments: [String]
    private let logPath: String
    private let state = Mutex<(process: Process, input: Pipe)?>(nil)

    init(name: String, arguments: [String], logPath: String) {
        self.name = name
        self.arguments = arguments
        self.logPath = logPath
    }

    /// The process's identifier; 0 while it does not run.
    var identifier: Int32 {
        state.withLock { $0?.process.processIdentifier } ?? 0
    }

    var isRunning: Bool {
        state.withLock { $0?.process.isRunning } ?? false
    }

    func start() throws {
        let process = Process()
        let input = Pipe()
        process.executableURL = try Self.ownExecutable()
        process.arguments = arguments
        process.standardInput = input
        // A crash starts Swift's backtracer, which inherits what tells us that the process has ended, and lasts for as long
        // as a minute. Whoever wants to see its report sets the variable.
        var environment = ProcessInfo.processInfo.environment
        if environment["SWIFT_BACKTRACE"] == nil { environment["SWIFT_BACKTRACE"] = "enable=no" }
        process.environment = environment
        let log = try FileHandle.appending(to: logPath)
        process.standardOutput = log
        process.standardError = log
        try process.run()
        state.withLock { $0 = (process, input) }
    }

    /// Kills it without a warning.
    func kill() {
        guard identifier > 0 else { return }
        Foundation.kill(identifier, SIGKILL)
        state.withLock { $0 }?.process.waitUntilExit()
    }

    /// Asks it to finish what it has in hand and to end, as orchestrators do: by SIGTERM.
    func drain() {
        guard identifier > 0, isRunning else { return }
        Foundation.kill(identifier, SIGTERM)
    }

    /// Stops it in its tracks: its sockets stay open, and nothing is answered until `thaw`.
    func freeze() {
        guard identifier > 0, isRunning else { return }
        Foundation.kill(identifier, SIGSTOP)
    }

    /// Lets it go on where it was frozen.
    func thaw() {
        guard identifier > 0, isRunning else { return }
        Foundation.kill(identifier, SIGCONT)
    }

    /// What it ended with; `nil` while it runs, and if a signal ended it.
    var exitStatus: Int32? {
        state.withLock { state in
            guard let process = state?.process, !process.isRunning, process.terminationReason == .exit else {
                return nil
            }
            return process.terminationStatus
        }
    }

    /// Makes it stop at once, with time for nothing but its farewell.
    func terminate() {
        guard let (process, input) = state.withLock({ $0 }), process.isRunning else { return }
        try? input.fileHandleForWriting.close()
        process.terminate()
    }

    /// Waits until it has stopped, and kills it when it does not until then.
    func waitUntilStopped(_ deadline: Date) {
        while isRunning, Date() < deadline { usleep(20_000) }
        if isRunning { kill() }
    }

    private static func ownExecutable() throws -> URL {
        guard let url = Bundle.main.executableURL else { throw BookinfoError("the program does not know its own path") }
        return url
    }
}

extension FileHandle {
    /// Opens a file to write at its end, and makes it first if need be.
    static func appending(to path: String) throws -> FileHandle {
        if !FileManager.default.fileExists(atPath: path) {
            _ = FileManager.default.createFile(atPath: path, contents: nil)
        }
        guard let handle = FileHandle(forWritingAtPath: path) else { throw BookinfoError("\(path) cannot be written") }
        handle.seekToEndOfFile()
        return handle
    }
}

/// Why the example cannot go on.
struct BookinfoError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore
import Synchronization

/// A client in a process of its own: it is told what to do line by line, and answers in lines of JSON.
final class Peer: Sendable {
    /// What a client says.
    struct Line: Decodable, Sendable {
        /// When it began, and when the first request had its answer: in nanoseconds of the monotonic clock, which all
        /// processes of a machine share.
        var began: UInt64?
        var first: UInt64?
        /// The answer that it gets from now on, and since when.
        var answer: String?
        var at: UInt64?
        /// How many requests failed until then.
        var failures: Int?
        /// Where its backends listen.
        var ports: [UInt16]?
        /// Which process does the work, where it is not the one that says so.
        var pid: Int32?
    }

    // `Process` and `Pipe` are Sendable; one thread reads the output.
    private let process = Process()
    private let input = Pipe()
    private let lines: AsyncThrowingStream<Line, any Error>
    private let worker = Mutex<Int32?>(nil)

    /// Starts a program.
    init(_ path: String, _ arguments: [String], environment: [String: String] = [:]) throws {
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = input
        process.standardOutput = output
        let (lines, sink) = AsyncThrowingStream.makeStream(of: Line.self)
        self.lines = lines
        try process.run()
        // A thread of its own: what waits for a pipe must not wait in place of the control plane.
        Thread.detachNewThread {
            var rest = Data()
            while case let part = output.fileHandleForReading.availableData, !part.isEmpty {
                rest += part
                while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                    let line = Data(rest[rest.startIndex..<end])
                    rest = Data(rest[rest.index(after: end)...])
                    do {
                        sink.yield(try JSONDecoder().decode(Line.self, from: line))
                    } catch {
                        sink.finish(throwing: BenchmarkError(String(decoding: line, as: UTF8.self)))
                    }
                }
            }
            sink.finish()
        }
    }

    /// This program as a client of a control plane.
    static func own(port: UInt16, group: String, isIncremental: Bool) throws -> Peer {
        guard let path = Bundle.main.executablePath else { throw BenchmarkError("it does not know its own path") }
        let form = isIncremental ? ["--incremental"] : []
        return try Peer(path, ["follow", "--port", "\(port)", "--group", group] + form)
    }

    /// gRPC in Python as a client of a control plane.
    static func grpc(_ python: String, _ script: String, port: UInt16, group: String) throws -> Peer {
        let bootstrap = """
            {"xds_servers":[{"server_uri":"127.0.0.1:\(port)","channel_creds":[{"type":"insecure"}],\
            "server_features":["xds_v3"]}],"node":{"id":"\(group)","cluster":"\(group)"}}
            """
        return try Peer(python, [script, "client"], environment: ["GRPC_XDS_BOOTSTRAP_CONFIG": bootstrap])
    }

    /// An Envoy as a client of a control plane, with what asks it.
    static func envoy(_ python: String, _ script: String, _ program: String, port: UInt16, group: String) throws -> Peer
    {
        try Peer(python, [script, program, group, "\(port)"])
    }

    /// Tells it what to do.
    func tell(_ command: String) throws {
        try input.fileHandleForWriting.write(contentsOf: Data((command + "\n").utf8))
    }

    /// What it says next.
    func next() async throws -> Line {
        for try await line in lines {
            if let pid = line.pid { worker.withLock { $0 = pid } }
            return line
        }
        throw BenchmarkError("\(process.executableURL?.lastPathComponent ?? "a client") has ended")
    }

    private var workerIdentifier: Int32 { worker.withLock { $0 } ?? process.processIdentifier }

    /// The CPU time of its threads, in nanoseconds, from the scheduler's own account; 0 elsewhere than on Linux.
    var cpu: Double {
        let folder = "/proc/\(workerIdentifier)/task"
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return threads.reduce(0) { sum, thread in
            let account = try? String(contentsOfFile: "\(folder)/\(thread)/schedstat", encoding: .utf8)
            return sum + (account?.split(separator: " ").first.flatMap { Double($0) } ?? 0)
        }
    }

    /// Its resident memory in KiB; 0 elsewhere than on Linux.
    var residentKiB: Int {
        let path = "/proc/\(workerIdentifier)/status"
        let status = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0
    }

    /// Ends it.
    func end() {
        try? input.fileHandleForWriting.close()
        // What asks an Envoy stops it when its input ends.
        if worker.withLock({ $0 }) == nil { process.terminate() }
        process.waitUntilExit()
    }
}

/// Why there is no figure.
struct BenchmarkError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

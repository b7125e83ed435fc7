// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import Logging
import Synchronization

/// What an authority was asked and did, one JSON object a line, in files that only their owner may read.
///
/// Lines are only ever added. A file that is full is renamed, `NAME.log` to `NAME.1.log` and so on, and the oldest goes.
/// No line has a key, a request or a token in it.
final class AuditLog: Sendable {
    private struct State {
        var handle: FileHandle?
        var size = 0
    }

    private let directory: String
    private let name: String
    private let maximumSize: Int
    private let maximumFiles: Int
    private let logger: Logger
    private let state = Mutex(State())

    /// - Parameters:
    ///   - maximumSize: The bytes after which a file is full. Default 8 MiB, some 30 000 certificates.
    ///   - maximumFiles: How many files there are, the current one among them.
    init(directory: String, name: String, maximumSize: Int = 8 << 20, maximumFiles: Int = 8, logger: Logger) {
        self.directory = directory
        self.name = name
        self.maximumSize = maximumSize
        self.maximumFiles = maximumFiles
        self.logger = logger
    }

    /// Adds an entry. What cannot be written goes to the process's log: that a disk is full must not end the mesh.
    func append(_ entry: AuditEntry) {
        do {
            var line = try Self.encoder.encode(entry)
            line.append(UInt8(ascii: "\n"))
            let bytes = line
            try state.withLock { state in
                if state.size + bytes.count > maximumSize { try rotate(&state) }
                if state.handle == nil { try openFile(&state) }
                try state.handle?.write(contentsOf: bytes)
                state.size += bytes.count
            }
        } catch {
            logger.error("the audit log \(name) cannot be written: \(error)", metadata: ["entry": "\(entry)"])
        }
    }

    /// The entries of all files that are left, the oldest first. Lines that cannot be read are left out: a crash may have
    /// cut one off.
    func entries() -> [AuditEntry] {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        return (0..<maximumFiles).reversed().flatMap { position -> [AuditEntry] in
            guard let bytes = FileManager.default.contents(atPath: path(position)) else { return [] }
            return bytes.split(separator: UInt8(ascii: "\n")).compactMap {
                try? decoder.decode(AuditEntry.self, from: $0)
            }
        }
    }

    private static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        return encoder
    }

    private func path(_ position: Int) -> String {
        directory + "/" + name + (position == 0 ? ".log" : ".\(position).log")
    }

    private func openFile(_ state: inout State) throws {
        // Appending, so that not even a second process writes over what is there.
        let descriptor = open(path(0), O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        state.size = Int(try handle.seekToEnd())
        state.handle = handle
    }

    private func rotate(_ state: inout State) throws {
        try state.handle?.close()
        state.handle = nil
        state.size = 0
        for position in (0..<maximumFiles - 1).reversed() where FileManager.default.fileExists(atPath: path(position)) {
            guard rename(path(position), path(position + 1)) == 0 else {
                throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
            }
        }
    }
}

/// One line of an audit log.
struct AuditEntry: Codable, Hashable, Sendable {
    /// What happened.
    enum Event: String, Codable, Sendable {
        case issued, refused, revoked, authorityChanged
    }

    var time: Date
    var event: Event
    /// Who asked: what a token is for, or the identity of a certificate. Never a token.
    var caller: String
    /// Whom the certificate names, as far as the request could be read.
    var identity: String?
    var serialNumber: String?
    var notAfter: Date?
    /// Which of the authority's keys signed it.
    var issuer: String?
    /// Why it was refused, or what changed.
    var reason: String?
    /// How many refusals before this one had no room.
    var omitted: Int?
}

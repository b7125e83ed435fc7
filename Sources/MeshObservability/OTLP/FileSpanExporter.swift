// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Android)
import Android
#endif

/// Appends spans to a file in the format of OpenTelemetry's file exporter: one `ExportTraceServiceRequest` a line.
///
/// The OpenTelemetry collector reads it (receiver `otlpjsonfile`). Several processes may append to one file. The file
/// grows without a bound; rotate it with `copytruncate`, because the exporter keeps it open.
public actor FileSpanExporter: SpanExporter {
    /// Why a file could not be opened or written.
    public struct FileError: Error, Hashable, CustomStringConvertible {
        /// What was tried: `open` or `write`.
        public var operation: String
        /// The file.
        public var path: String
        /// The system's error number.
        public var code: Int32

        /// The operation, the file and the system's message.
        public var description: String {
            "\(operation) \(path): \(String(cString: strerror(code)))"
        }
    }

    private let path: String
    private let descriptor: Int32

    /// Opens the file for appending, and creates it, readable by its owner alone, if it does not exist.
    /// - Throws: `FileError`.
    public init(path: String) throws {
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
        self.path = path
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }

    /// Appends a line.
    /// - Throws: `FileError`.
    public func export(_ request: [UInt8]) throws {
        // One write with the line break in it: lines of several processes do not mix.
        let line = request + [UInt8(ascii: "\n")]
        try line.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let written = write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if written < 0 {
                    if errno == EINTR { continue }
                    throw FileError(operation: "write", path: path, code: errno)
                }
                rest = rest.dropFirst(written)
            }
        }
    }
}

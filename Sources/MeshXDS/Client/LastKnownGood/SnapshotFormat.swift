// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// The file of the last good configuration, as bytes.
///
/// ```
/// 8 bytes   "SSMESHLK"
/// 4 bytes   the format's version, 1
/// 8 bytes   when it was written, in nanoseconds since 1970
/// 4 bytes   the number of resources
///           for each: kind, name, version, type URL, message, each with its length in 4 bytes before it
/// 8 bytes   XXH64 of all before
/// ```
///
/// Numbers are little-endian. The checksum finds what a disk or a crash did to the file, and nobody's ill will: that is
/// what its mode is for.
enum SnapshotFormat {
    /// The version that is written, and the only one that is read.
    static let version: UInt32 = 1

    private static let magic = Array("SSMESHLK".utf8)
    /// The beginning and the checksum.
    private static let frame = 8 + 4 + 8 + 4 + 8

    /// The bytes of a snapshot.
    static func encode(_ snapshot: ResourceSnapshot) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(frame + snapshot.entries.reduce(0) { $0 + $1.packed.bytes.count + 256 })
        bytes += magic
        append(version, to: &bytes)
        append(snapshot.takenAt.rawValue, to: &bytes)
        append(UInt32(clamping: snapshot.entries.count), to: &bytes)
        for entry in snapshot.entries {
            for text in [entry.kind.rawValue, entry.name, entry.version, entry.packed.typeURL] {
                append(UInt32(clamping: text.utf8.count), to: &bytes)
                bytes += text.utf8
            }
            append(UInt32(clamping: entry.packed.bytes.count), to: &bytes)
            bytes += entry.packed.bytes
        }
        append(bytes.withUnsafeBytes { XXH64.hash(bytes: $0) }, to: &bytes)
        return bytes
    }

    /// The snapshot that bytes are of.
    /// - Throws: `ConfigurationError` that says why they are of none.
    static func decode(_ bytes: [UInt8]) throws(ConfigurationError) -> ResourceSnapshot {
        guard bytes.starts(with: magic) else {
            throw ConfigurationError(path: "", "is no file of a last good configuration")
        }
        guard bytes.count >= frame else { throw truncated }
        var rest = bytes[magic.count...]
        let written: UInt32 = try number(&rest)
        guard written == version else {
            throw ConfigurationError(path: "version", "is \(written); this library reads \(version)")
        }
        let body = bytes.count - 8
        let sum = bytes.withUnsafeBytes { XXH64.hash(bytes: UnsafeRawBufferPointer(rebasing: $0[..<body])) }
        var tail = bytes[body...]
        guard try number(&tail) == sum else {
            throw ConfigurationError(path: "checksum", "does not match: the file is damaged or cut off")
        }
        rest = rest.prefix(upTo: body)
        let takenAt = Nanoseconds(rawValue: try number(&rest))
        let count: UInt32 = try number(&rest)
        var entries: [ResourceSnapshot.Entry] = []
        for position in 0..<count {
            let kind = try text(&rest)
            guard let kind = ResourceKind(rawValue: kind) else {
                throw ConfigurationError(path: "resources[\(position)].kind", "is \(kind), which is not known")
            }
            let (name, version, typeURL) = (try text(&rest), try text(&rest), try text(&rest))
            let packed = PackedResource(typeURL: typeURL, bytes: [UInt8](try run(&rest)))
            entries.append(ResourceSnapshot.Entry(kind: kind, name: name, version: version, packed: packed))
        }
        guard rest.isEmpty else { throw ConfigurationError(path: "", "has \(rest.count) bytes too many") }
        return ResourceSnapshot(takenAt: takenAt, entries: entries)
    }

    private static var truncated: ConfigurationError { ConfigurationError(path: "", "is cut off") }

    private static func append(_ number: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
    }

    private static func number<Number: FixedWidthInteger & UnsignedInteger>(
        _ rest: inout ArraySlice<UInt8>
    ) throws(ConfigurationError) -> Number {
        let size = Number.bitWidth / 8
        guard rest.count >= size else { throw truncated }
        defer { rest = rest.dropFirst(size) }
        return rest.prefix(size).reversed().reduce(0) { $0 << 8 | Number($1) }
    }

    private static func run(_ rest: inout ArraySlice<UInt8>) throws(ConfigurationError) -> ArraySlice<UInt8> {
        let length: UInt32 = try number(&rest)
        guard rest.count >= Int(length) else { throw truncated }
        defer { rest = rest.dropFirst(Int(length)) }
        return rest.prefix(Int(length))
    }

    private static func text(_ rest: inout ArraySlice<UInt8>) throws(ConfigurationError) -> String {
        guard let text = String(validating: try run(&rest), as: UTF8.self) else {
            throw ConfigurationError(path: "", "has text that is no UTF-8")
        }
        return text
    }
}

// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Documents in DER that stand one after the other, as the Workload API sends them, and their form in PEM.
enum DERDocuments {
    /// The most documents in a row.
    static let maximumCount = 1024
    /// The most bytes in a row.
    static let maximumSize = 4 << 20

    /// Cuts a row apart, by the lengths that the outermost elements say. What stands in them is not looked at.
    /// - Returns: `nil` if there is anything that is no whole sequence.
    static func split(_ bytes: [UInt8]) -> [ArraySlice<UInt8>]? {
        guard bytes.count <= maximumSize else { return nil }
        var documents: [ArraySlice<UInt8>] = []
        var start = 0
        while start < bytes.count {
            guard documents.count < maximumCount, let end = end(of: bytes, from: start) else { return nil }
            documents.append(bytes[start..<end])
            start = end
        }
        return documents
    }

    /// Documents as PEM, one after the other.
    static func pem(_ documents: [ArraySlice<UInt8>], label: String) -> String {
        documents.map { document in
            let text = Array(MeshCore.Base64.encoded(Array(document)).utf8)
            let lines = stride(from: 0, to: text.count, by: 64).map { position in
                String(decoding: text[position..<min(position + 64, text.count)], as: UTF8.self)
            }
            return (["-----BEGIN \(label)-----"] + lines + ["-----END \(label)-----", ""]).joined(separator: "\n")
        }
        .joined()
    }

    /// Where the element ends that begins at a position.
    private static func end(of bytes: [UInt8], from start: Int) -> Int? {
        guard start + 2 <= bytes.count, bytes[start] == 0x30 else { return nil }
        var position = start + 2
        var length = Int(bytes[start + 1])
        if length >= 0x80 {
            // DER has no indefinite length, and four bytes are more than any document.
            let count = length - 0x80
            guard (1...4).contains(count), position + count <= bytes.count else { return nil }
            length = bytes[position..<position + count].reduce(0) { $0 << 8 | Int($1) }
            position += count
        }
        guard length <= bytes.count - position else { return nil }
        return position + length
    }
}

// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import GRPCCore
package import HTTPTypes
import MeshCore

extension HTTPFields {
    /// Adds an application's metadata.
    ///
    /// Names go out in lower case; binary values in base 64. What the protocol itself says (`grpc-timeout`,
    /// `content-type` and the like) is left out: transports write it.
    /// - Throws: `RPCError` with code `internalError` for a name or a value that HTTP/2 does not carry, as gRPC has it.
    package mutating func append(_ metadata: Metadata) throws(RPCError) {
        for (key, value) in metadata {
            guard let name = HTTPField.Name(key), !key.utf8.isEmpty else {
                throw RPCError(code: .internalError, message: "\"\(key)\" is not a name that metadata may have")
            }
            guard !ReservedFields.contains(name.canonicalName) else { continue }
            switch value {
            case .string(let text):
                guard text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
                    throw RPCError(
                        code: .internalError,
                        message: "the metadata \(name.canonicalName) has characters other than ASCII's printable ones"
                    )
                }
                append(HTTPField(name: name, value: text))
            case .binary(let bytes):
                append(HTTPField(name: name, value: Base64.encoded(bytes)))
            }
        }
    }

    /// How much metadata this is, as HTTP/2 counts it (RFC 9113 §6.5.2): names, values and 32 bytes a field.
    package var metadataBytes: Int {
        reduce(0) { $0 + $1.name.rawName.utf8.count + $1.value.utf8.count + 32 }
    }
}

extension Metadata {
    /// The metadata that a head or trailers carry; what is the protocol's own is left out.
    ///
    /// Values of names that end with `-bin` are binary, several of them perhaps in one field, apart by commas. What is not
    /// base 64 there is kept as the text that it is.
    package init(_ fields: HTTPFields) {
        self.init()
        reserveCapacity(fields.count)
        for field in fields {
            let name = field.name.canonicalName
            guard !ReservedFields.contains(name) else { continue }
            guard name.utf8.count > 4, name.hasSuffix("-bin") else {
                addString(field.value, forKey: name)
                continue
            }
            for part in field.value.split(separator: ",", omittingEmptySubsequences: false) {
                let text = part.trimmed
                if text.isEmpty {
                    addBinary([], forKey: name)
                } else if let bytes = Base64.decodedUnpadded(text) {
                    addBinary(bytes, forKey: name)
                } else {
                    addString(String(text), forKey: name)
                }
            }
        }
    }
}

extension Substring {
    /// Without spaces at its ends.
    fileprivate var trimmed: Substring {
        var text = drop { $0 == " " }
        while text.last == " " { text.removeLast() }
        return text
    }
}

/// The fields that are the protocol's own and no metadata.
package enum ReservedFields {
    /// Whether a field, by its name in lower case, is one of them.
    package static func contains(_ name: String) -> Bool {
        switch name {
        case "grpc-status", "grpc-message", "grpc-encoding", "grpc-accept-encoding", "grpc-timeout", "content-type",
            "te", "content-length", "host", "connection", "keep-alive", "transfer-encoding", "upgrade",
            "proxy-connection":
            true
        default: false
        }
    }
}

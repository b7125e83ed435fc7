// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import SwiftProtobuf

extension Envoy_Config_Core_V3_DataSource {
    /// The document that stands in the message. No resource makes this process read a file or its environment.
    /// - Returns: `nil`, with a problem that shows nothing of it, if there is none, or one that is no text.
    func inlineText(at path: FieldPath, _ context: inout DecodingContext) -> String? {
        let text: String?
        switch specifier {
        case .inlineString(let string): text = string
        case .inlineBytes(let bytes): text = String(validating: bytes, as: UTF8.self)
        case .filename, .environmentVariable:
            context.reject(path, "must be inline: no resource makes this process read a file or its environment")
            return nil
        case nil:
            context.reject(path, "is missing")
            return nil
        }
        guard let text, !text.isEmpty, text.utf8.count <= Secret.maximumLength else {
            context.reject(path, "must be a text of 1 to \(Secret.maximumLength) bytes")
            return nil
        }
        return text
    }

    /// Certificates that stand in the message, and no key beside them: they are shown to whoever asks.
    func certificates(at path: FieldPath, _ context: inout DecodingContext) -> String? {
        guard let text = inlineText(at: path, &context) else { return nil }
        guard !PrivateKeyBlocks.isFound(in: text.utf8) else {
            context.reject(path, "has a private key in it")
            return nil
        }
        return text
    }
}

// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension FieldReader {
    /// An `HTTPDirectResponse` of a VirtualService.
    mutating func directResponse() -> LocalReply? {
        if !has("status") { reportMissing("status") }
        let status = integer("status", in: 200...599)
        var body = ""
        if has("body") {
            // An answer without its body is not the one that was asked for.
            let read = mapping("body") { $0.replyBody() }
            guard value("body") == nil || read != nil else { return nil }
            body = read ?? ""
        }
        return status.map { LocalReply(status: $0.value, body: body) }
    }

    private mutating func replyBody() -> String? {
        let string = text("string")
        let bytes = text("bytes")
        switch oneOf(["string", "bytes"], of: "a body") {
        case "string": return string.flatMap { isWithinLimit($0.value.utf8.count, at: $0.position) ? $0.value : nil }
        case "bytes": return bytes.flatMap { decodedBody($0) }
        default: return ""
        }
    }

    private func decodedBody(_ text: Located<String>) -> String? {
        guard let bytes = Base64.decode(text.value) else {
            context.error(.invalidValue, at: text.position, "bytes must be in base64")
            return nil
        }
        guard isWithinLimit(bytes.count, at: text.position) else { return nil }
        guard let body = String(validating: bytes, as: UTF8.self) else {
            context.error(
                .refusedField,
                at: text.position,
                "bytes that are not UTF-8 are not supported: answers of the mesh are text"
            )
            return nil
        }
        return body
    }

    /// Istio's bound of 1 MiB.
    private func isWithinLimit(_ count: Int, at position: SourcePosition) -> Bool {
        guard count > 1_048_576 else { return true }
        context.error(.invalidValue, at: position, "the body has \(count) bytes, above the bound of 1048576")
        return false
    }
}

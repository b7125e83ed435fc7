// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import SwiftProtobuf

extension ExternalVerdict {
    /// The service had an error of its own, and says which answer it would have.
    struct Failure: Error, CustomStringConvertible {
        let status: Int
        var description: String { "the authorizer failed with \(status)" }
    }

    /// Reads a service's answer. A request passes only where the status says so.
    /// - Throws: `Failure` where the service itself has failed.
    init(_ message: Envoy_Service_Auth_V3_CheckResponse) throws {
        if case .errorResponse(let error)? = message.httpResponse { throw Failure(status: error.status.code.rawValue) }
        var metadata = message.dynamicMetadata.fields.mapValues { MetadataValue($0) }
        guard message.status.code == 0 else {
            var reply = LocalReply(status: 403)
            if case .deniedResponse(let denied)? = message.httpResponse {
                if (200...599).contains(denied.status.code.rawValue) { reply.status = denied.status.code.rawValue }
                reply.body = denied.body
                reply.headers = denied.headers.compactMap { option in
                    let name = HeaderName(option.header.key)
                    return name.isValid ? LocalReply.Header(name, option.header.text) : nil
                }
            }
            self.init(refusal: reply, metadata: metadata)
            return
        }
        guard case .okResponse(let ok)? = message.httpResponse else {
            self.init(metadata: metadata)
            return
        }
        // The older field, where it is there, counts in place of the answer's own, as in Envoy.
        if ok.hasDynamicMetadata { metadata = ok.dynamicMetadata.fields.mapValues { MetadataValue($0) } }
        self.init(
            changes: ok.headers.map { HeaderChange(HeaderName($0.header.key), $0.header.text, $0.change) },
            removedHeaders: ok.headersToRemove.map { HeaderName($0) },
            setParameters: ok.queryParametersToSet.map { ($0.key, $0.value) },
            removedParameters: ok.queryParametersToRemove,
            metadata: metadata
        )
    }
}

extension Envoy_Config_Core_V3_HeaderValue {
    fileprivate var text: String { rawValue.isEmpty ? value : String(decoding: rawValue, as: UTF8.self) }
}

extension Envoy_Config_Core_V3_HeaderValueOption {
    /// What becomes of a field that is there. In these messages, unlike elsewhere, it is replaced unless `append` says
    /// otherwise. `append_action` is not read: Envoy 1.40 does not read it either (it did in 1.37, and took it back), and
    /// what callers have written must not outlive what the service says because of it.
    fileprivate var change: ExternalVerdict.HeaderChange.Action { append.value ? .append : .set }
}

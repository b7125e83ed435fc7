// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshSecurity

/// Asks a service who may pass over HTTP, as Envoy does.
struct HTTPAuthorizer: ExternalAuthorizer {
    /// The most bytes of a refusal's body.
    private static let maximumBytes = 64 << 10
    /// What Envoy never hands on from an answer.
    private static let hopHeaders: Set<String> = ["connection", "transfer-encoding", "content-length", "keep-alive"]
    /// What callers get of a refusal in any case.
    private static let standardClientHeaders: Set<String> = [
        "www-authenticate", "proxy-authenticate", "location", "set-cookie",
    ]
    /// Which headers leave the request, by an answer that lets it pass.
    private static let removalHeader = "x-envoy-auth-headers-to-remove"

    let cluster: String
    let settings: HTTPAuthorization
    let timeout: Nanoseconds
    let calls: @Sendable () -> (any OwnCalls)?

    func check(_ question: AuthorizationQuestion, deadline: Deadline) async throws -> ExternalVerdict {
        guard let calls = calls() else {
            throw MeshError(.notReady, origin: .local, message: "nobody in this process asks authorizers over HTTP")
        }
        var headers = question.headers.filter { $0.key.utf8.first != UInt8(ascii: ":") && $0.key != "content-length" }
            .sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
        headers.append((name: "content-length", value: "0"))
        for added in settings.addedHeaders {
            headers.removeAll { $0.name == added.name.lowercased }
            headers.append((name: added.name.lowercased, value: added.value))
        }
        let answer = try await calls.answer(
            to: OwnQuestion(
                method: question.method,
                authority: question.authority,
                path: settings.pathPrefix + question.path,
                headers: headers
            ),
            cluster: cluster,
            timeout: timeout,
            maximumBytes: Self.maximumBytes
        )
        return try verdict(answer)
    }

    private func verdict(_ answer: OwnAnswer) throws -> ExternalVerdict {
        guard !(500...599).contains(answer.status) else {
            throw MeshError(
                .connectionFailed,
                origin: .upstream,
                message: "the authorizer answered with \(answer.status)"
            )
        }
        var noted: [String: MetadataValue] = [:]
        for (name, value) in answer.headers where settings.notedHeaders.contains(where: { $0.matches(name) }) {
            noted[name] = .text(value)
        }
        guard answer.status == 200 else {
            let headers = answer.headers.filter { name, _ in
                guard !Self.hopHeaders.contains(name) else { return false }
                return settings.clientHeaders.isEmpty || Self.standardClientHeaders.contains(name)
                    || settings.clientHeaders.contains { $0.matches(name) }
            }
            let reply = LocalReply(
                status: (200...599).contains(answer.status) ? answer.status : 403,
                body: String(decoding: answer.body, as: UTF8.self),
                headers: headers.map { LocalReply.Header(HeaderName($0.name), $0.value) }
            )
            return ExternalVerdict(refusal: reply, metadata: noted)
        }
        var verdict = ExternalVerdict(metadata: noted)
        for (name, value) in answer.headers {
            if name == Self.removalHeader {
                verdict.removedHeaders += value.split(separator: ",").map {
                    HeaderName(String($0.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()))
                }
                continue
            }
            if settings.upstreamHeaders.contains(where: { $0.matches(name) }) {
                verdict.changes.append(.init(HeaderName(name), value))
            }
            // Unlike over gRPC these are fields of their own, in Envoy, too.
            if settings.appendedHeaders.contains(where: { $0.matches(name) }) {
                verdict.changes.append(.init(HeaderName(name), value, .add))
            }
        }
        return verdict
    }
}

// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting

extension FieldReader {
    /// A `CorsPolicy` of a VirtualService.
    mutating func corsPolicy() -> CORSPolicy? {
        let problems = context.errorCount
        let older = texts("allowOrigin")
        if has("allowOrigin") {
            context.report(
                .deprecation,
                .deprecatedField,
                at: keyPosition("allowOrigin"),
                "allowOrigin is deprecated; its successor is allowOrigins"
            )
        }
        let newer = mappings("allowOrigins") { $0.originMatcher() }
        if has("allowOrigins"), has("allowOrigin") {
            context.warning(.noEffect, at: keyPosition("allowOrigin"), "beside allowOrigins, allowOrigin does nothing")
        }
        var policy = CORSPolicy(
            origins: has("allowOrigins") ? newer : older.map { StringMatcher(.exact($0.value)) }
        )
        policy.methods = corsMethods()
        policy.headers = corsHeaders("allowHeaders")
        policy.exposedHeaders = corsHeaders("exposeHeaders")
        if let age = duration("maxAge", atMost: .seconds(31_536_000)) {
            if age.value.rawValue % 1_000_000_000 != 0 {
                context.error(.invalidDuration, at: age.position, "maxAge must be whole seconds")
            }
            policy.maximumAge = String(age.value.rawValue / 1_000_000_000)
        }
        policy.allowsCredentials = boolean("allowCredentials")
        let others = choice("unmatchedPreflights", ["UNSPECIFIED": true, "FORWARD": true, "IGNORE": false])
        policy.forwardsOtherPreflights = others?.value ?? true
        guard context.errorCount == problems else { return nil }
        if policy.origins.isEmpty {
            context.warning(.noEffect, at: position, "without allowOrigins no page of another origin may ask")
        }
        return policy
    }

    /// A `StringMatch` of an origin; one that asks for nothing is refused, since it would let every page in.
    private mutating func originMatcher() -> StringMatcher? {
        switch oneOf(["exact", "prefix", "regex"], of: "an origin") {
        case "exact": return requiredText("exact").map { StringMatcher(.exact($0.value)) }
        case "prefix": return requiredText("prefix").map { StringMatcher(.prefix($0.value)) }
        case "regex":
            return requiredText("regex").flatMap { expression($0, named: "regex") }
                .map { StringMatcher(.regularExpression($0)) }
        default:
            context.error(.missingField, at: position, "an origin needs exact, prefix or regex")
            return nil
        }
    }

    private mutating func corsMethods() -> String {
        let known: Set = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*"]
        let methods = texts("allowMethods")
        for method in methods where !known.contains(method.value) {
            let suggestion = NearestName.suggestion(for: method.value, among: known)
            context.error(.invalidValue, at: method.position, "there is no method \(method.value)\(suggestion)")
        }
        return methods.map(\.value).joined(separator: ",")
    }

    private mutating func corsHeaders(_ name: String) -> String {
        let headers = texts(name)
        for header in headers {
            let isPseudoHeader = header.value.hasPrefix(":")
            guard !HeaderName(header.value).isValid || isPseudoHeader else { continue }
            context.error(.invalidValue, at: header.position, "\(header.value) is no name of a header")
        }
        return headers.map(\.value).joined(separator: ",")
    }
}

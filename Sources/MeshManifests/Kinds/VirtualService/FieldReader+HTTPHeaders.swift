// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting

extension FieldReader {
    /// `Headers` of a VirtualService, at a rule or at one of its destinations.
    mutating func headerOperations() -> HeaderOperations? {
        let request = mapping("request") { $0.headerChanges(ofRequests: true) } ?? HeaderChanges()
        let response = mapping("response") { $0.headerChanges(ofRequests: false) } ?? HeaderChanges()
        return HeaderOperations(
            mutations: HeaderMutations(
                requestAdditions: request.additions,
                requestRemovals: request.removals,
                responseAdditions: response.additions,
                responseRemovals: response.removals
            ),
            authority: request.authority ?? ""
        )
    }

    private struct HeaderChanges {
        var additions: [HeaderAddition] = []
        var removals: [HeaderName] = []
        var authority: String?
    }

    /// `HeaderOperations`: what is set, then what is added, each in the order of the names.
    private mutating func headerChanges(ofRequests: Bool) -> HeaderChanges? {
        var changes = HeaderChanges()
        let fields: [(String, HeaderAddition.Action)] = [
            ("set", .overwriteIfExistsOrAdd), ("add", .appendIfExistsOrAdd),
        ]
        for (field, action) in fields {
            for entry in pairs(field).sorted(by: { $0.key < $1.key }) {
                let isAuthority = ofRequests && [":authority", "host"].contains(HeaderName(entry.key).lowercased)
                let name = isAuthority ? nil : changeableHeader(entry.key, at: entry.position)
                guard let value = headerValue(entry.value, named: entry.key) else { continue }
                if isAuthority {
                    // Envoy changes the authority by a rewrite only, so that Istio makes one of it.
                    setAuthority(value.value, at: entry.position, in: &changes)
                } else if let name, let format = headerFormat(value, named: entry.key) {
                    changes.additions.append(HeaderAddition(name, format, action: action))
                }
            }
        }
        changes.removals = texts("remove").compactMap { changeableHeader($0.value, at: $0.position) }
        return changes
    }

    private func setAuthority(_ authority: String, at position: SourcePosition, in changes: inout HeaderChanges) {
        if changes.authority != nil {
            context.error(.conflictingFields, at: position, "the authority is set more than once")
        }
        changes.authority = changes.authority ?? authority
    }

    /// The name of a header that may be changed: requests' and responses' lines may not, but for the authority.
    private func changeableHeader(_ text: String, at position: SourcePosition) -> HeaderName? {
        let name = HeaderName(text)
        guard !name.lowercased.hasPrefix(":"), name.lowercased != "host" else {
            context.error(
                .invalidValue,
                at: position,
                "\(text) cannot be changed here; only set and add of requests take host, which rewrites the authority"
            )
            return nil
        }
        guard name.isValid else {
            context.error(.invalidValue, at: position, "\(text) is no name of a header")
            return nil
        }
        return name
    }

    /// The value of a header, which is text without control characters.
    private func headerValue(_ value: YAMLValue, named name: String) -> Located<String>? {
        guard let text = text(value, named: name), isSendable(text, named: name) else { return nil }
        if text.value.isEmpty {
            context.warning(.noEffect, at: text.position, "\(name) has no value, so that nothing changes")
            return nil
        }
        return text
    }

    private func headerFormat(_ text: Located<String>, named name: String) -> HeaderFormat? {
        do {
            return try HeaderFormat(text.value)
        } catch {
            for problem in error.problems {
                context.error(.invalidValue, at: text.position, "the value of \(name): \(problem.message)")
            }
            return nil
        }
    }

    /// Whether a text can stand in a head: it has no control characters but tabs. What cannot is reported.
    func isSendable(_ text: Located<String>, named name: String) -> Bool {
        let isSendable = text.value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == UInt8(ascii: "\t") }
        if !isSendable {
            context.error(.invalidValue, at: text.position, "\(name) has control characters, which no head may have")
        }
        return isSendable
    }
}

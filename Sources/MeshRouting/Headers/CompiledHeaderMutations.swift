// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// The header changes of several levels (a cluster's share, a route, a virtual host, a table) in their order.
///
/// Each level is applied as a whole to what the one before it left: first its removals; then all of its values are made
/// from the head as it is then, and its conditions asked; then values are replaced, then added.
public struct CompiledHeaderMutations: Hashable, Sendable {
    private let requests: [Level]
    private let responses: [Level]

    private struct Level: Hashable, Sendable {
        let removals: [HeaderName]
        let additions: [HeaderAddition]

        var isEmpty: Bool { removals.isEmpty && additions.isEmpty }
    }

    /// Compiles levels.
    /// - Parameter levels: The levels in the order in which they are applied.
    public init(_ levels: [HeaderMutations]) {
        requests = levels.map { Level(removals: $0.requestRemovals, additions: $0.requestAdditions) }
            .filter { !$0.isEmpty }
        responses = levels.map { Level(removals: $0.responseRemovals, additions: $0.responseAdditions) }
            .filter { !$0.isEmpty }
    }

    /// Compiles the levels that stand above a request, in Envoy's order.
    /// - Parameter mostSpecificHeadersWin: Whether the table comes first and the route last, whose changes then win; by
    ///   default it is the other way round. The share's are first in both.
    public init(
        share: HeaderMutations = .none,
        route: HeaderMutations,
        virtualHost: HeaderMutations,
        table: HeaderMutations,
        mostSpecificHeadersWin: Bool
    ) {
        let levels = [route, virtualHost, table]
        self.init([share] + (mostSpecificHeadersWin ? levels.reversed() : levels))
    }

    /// No change.
    public static let none = CompiledHeaderMutations([])

    /// Whether nothing changes.
    public var isEmpty: Bool { requests.isEmpty && responses.isEmpty }
    /// Whether requests change.
    public var changesRequests: Bool { !requests.isEmpty }
    /// Whether responses change.
    public var changesResponses: Bool { !responses.isEmpty }

    /// Changes a request's header.
    /// - Parameter facts: What formats may ask for besides the head; evaluated only if one does.
    /// - Complexity: O(number of changes), times what the request's type needs for one. Nothing without changes.
    public func apply(to request: inout some RequestHead, facts: @autoclosure () -> FormatFacts) {
        for level in requests {
            for name in level.removals { request.removeValues(of: name) }
            guard !level.additions.isEmpty else { continue }
            let changes = Self.changes(
                level.additions,
                facts: facts,
                field: { $0.value(in: request) },
                isPresent: { request.value(of: $0) != nil }
            )
            for change in changes.replaced { request.setValue(change.value, for: change.name) }
            for change in changes.added { request.appendValue(change.value, for: change.name) }
        }
    }

    /// Changes a response's header.
    /// - Parameters:
    ///   - request: The request as it was sent on, for formats that name its fields.
    ///   - facts: What formats may ask for besides the heads; evaluated only if one does.
    /// - Complexity: O(number of changes), times what the response's type needs for one. Nothing without changes.
    public func apply(
        to response: inout some ResponseHead,
        request: some RequestHead,
        facts: @autoclosure () -> FormatFacts
    ) {
        for level in responses {
            for name in level.removals { response.removeValues(of: name) }
            guard !level.additions.isEmpty else { continue }
            let changes = Self.changes(
                level.additions,
                facts: facts,
                field: { $0.value(in: request, response) },
                isPresent: { response.value(of: $0) != nil }
            )
            for change in changes.replaced { response.setValue(change.value, for: change.name) }
            for change in changes.added { response.appendValue(change.value, for: change.name) }
        }
    }

    private typealias Change = (name: HeaderName, value: String)

    private static func changes(
        _ additions: [HeaderAddition],
        facts: () -> FormatFacts,
        field: (FormatField) -> String?,
        isPresent: (HeaderName) -> Bool
    ) -> (replaced: [Change], added: [Change]) {
        var replaced: [Change] = []
        var added: [Change] = []
        for addition in additions {
            let value = addition.value.text(facts: facts, field: field)
            if value.isEmpty, !addition.keepsEmptyValue { continue }
            switch addition.action {
            case .appendIfExistsOrAdd: added.append((addition.name, value))
            case .addIfAbsent: if !isPresent(addition.name) { added.append((addition.name, value)) }
            case .overwriteIfExistsOrAdd: replaced.append((addition.name, value))
            case .overwriteIfExists: if isPresent(addition.name) { replaced.append((addition.name, value)) }
            }
        }
        return (replaced, added)
    }
}

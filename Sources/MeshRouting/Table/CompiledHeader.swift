// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A condition on a header in a table. A class, so that a request borrows it by one reference: the closure that asks for
/// values would copy the matcher, part by part.
@usableFromInline
final class CompiledHeader: Sendable {
    @usableFromInline let name: HeaderName
    @usableFromInline let joinsValues: Bool
    private let matcher: HeaderMatcher
    /// What the value must be where a text is asked for: taken out of the condition once, as that copies it.
    private let text: StringMatcher
    private let asksForText: Bool

    init(_ matcher: HeaderMatcher) {
        self.name = matcher.name
        self.joinsValues = matcher.joinsValues
        self.matcher = matcher
        if case .value(let text) = matcher.condition {
            self.text = text
            self.asksForText = true
        } else {
            self.text = StringMatcher(.prefix(""))
            self.asksForText = false
        }
    }

    /// Whether the request matches, as ``HeaderMatcher/matches(_:)`` decides it.
    @inlinable
    func matches(_ request: some RequestHead) -> Bool {
        if joinsValues { return matches(value: request.fieldOrPseudoField(name)) }
        var answer: Bool?
        // Inverted, none of the values may meet the condition: the search goes on as long as the answer may change.
        _ = request.hasValue(of: name) { value in
            answer = matches(value: value)
            return isSettled(by: answer)
        }
        return answer ?? matches(value: nil)
    }

    @usableFromInline
    func matches(value: String?) -> Bool {
        guard asksForText else { return matcher.matches(value: value) }
        guard var value = value ?? (matcher.treatsMissingAsEmpty ? "" : nil) else { return false }
        return value.withUTF8 { text.matches(bytes: $0) } != matcher.isInverted
    }

    /// Whether one value has decided, whatever the others are: one that meets the condition.
    @usableFromInline
    func isSettled(by answer: Bool?) -> Bool {
        answer != matcher.isInverted
    }
}

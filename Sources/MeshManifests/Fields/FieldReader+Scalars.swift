// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension FieldReader {
    /// Text. Plain text that YAML takes for something else is refused, as Kubernetes does.
    mutating func text(_ name: String) -> Located<String>? {
        value(name).flatMap { text($0, named: name) }
    }

    /// Text that must be there and not be empty.
    mutating func requiredText(_ name: String) -> Located<String>? {
        guard let value = value(name) else {
            reportMissing(name)
            return nil
        }
        guard let text = text(value, named: name) else { return nil }
        guard !text.value.isEmpty else {
            context.error(.invalidValue, at: text.position, "\(name) is empty")
            return nil
        }
        return text
    }

    /// A value as text.
    func text(_ value: YAMLValue, named name: String) -> Located<String>? {
        guard case .scalar(let scalar) = value.content else {
            context.error(.wrongType, at: value.position, "\(name) must be text, and is \(value.typeName)")
            return nil
        }
        guard scalar.plainType == .string else {
            context.error(
                .wrongType,
                at: value.position,
                "\(name) must be text, and \(scalar.text) is \(scalar.typeName); write it in quotes"
            )
            return nil
        }
        return Located(value: scalar.text, position: value.position)
    }

    /// A whole number within bounds.
    mutating func integer(_ name: String, in bounds: ClosedRange<Int>) -> Located<Int>? {
        guard let value = value(name) else { return nil }
        guard case .scalar(let scalar) = value.content, scalar.isPlain, let integer = scalar.integer else {
            context.error(.wrongType, at: value.position, "\(name) must be a whole number, and is \(described(value))")
            return nil
        }
        guard bounds.contains(integer) else {
            context.error(
                .invalidValue,
                at: value.position,
                "\(name) must be from \(bounds.lowerBound) to \(bounds.upperBound), and is \(scalar.text)"
            )
            return nil
        }
        return Located(value: integer, position: value.position)
    }

    /// A number within bounds.
    mutating func number(_ name: String, in bounds: ClosedRange<Double>) -> Located<Double>? {
        guard let value = value(name) else { return nil }
        guard case .scalar(let scalar) = value.content, scalar.isPlain, let number = scalar.number else {
            context.error(.wrongType, at: value.position, "\(name) must be a number, and is \(described(value))")
            return nil
        }
        guard bounds.contains(number) else {
            let range = "from \(bounds.lowerBound) to \(bounds.upperBound)"
            context.error(.invalidValue, at: value.position, "\(name) must be \(range), and is \(scalar.text)")
            return nil
        }
        return Located(value: number, position: value.position)
    }

    /// `true` or `false`.
    mutating func boolean(_ name: String) -> Bool? {
        guard let value = value(name) else { return nil }
        guard case .scalar(let scalar) = value.content, scalar.isPlain, let boolean = scalar.boolean else {
            context.error(.wrongType, at: value.position, "\(name) must be true or false, and is \(described(value))")
            return nil
        }
        return boolean
    }

    /// A span of time of at least `minimum`.
    mutating func duration(
        _ name: String,
        atLeast minimum: Nanoseconds = .milliseconds(1),
        atMost maximum: Nanoseconds = .seconds(86_400),
        allowsZero: Bool = false
    ) -> Located<Nanoseconds>? {
        guard let value = value(name) else { return nil }
        guard case .scalar(let scalar) = value.content else {
            context.error(.wrongType, at: value.position, "\(name) must be a duration, and is \(value.typeName)")
            return nil
        }
        switch GoDuration.parse(scalar.text) {
        case .failure(let problem):
            context.error(.invalidDuration, at: value.position, "\(name) is no duration: \(problem.message)")
            return nil
        case .success(let duration):
            guard duration >= minimum || allowsZero && duration == .zero else {
                context.error(
                    .invalidDuration,
                    at: value.position,
                    "\(name) must be at least \(GoDuration.text(minimum)), and is \(scalar.text)"
                )
                return nil
            }
            guard duration <= maximum else {
                context.error(
                    .invalidDuration,
                    at: value.position,
                    "\(name) is longer than \(GoDuration.text(maximum))"
                )
                return nil
            }
            return Located(value: duration, position: value.position)
        }
    }

    /// One of some words.
    mutating func choice<Choice>(_ name: String, _ choices: [String: Choice]) -> Located<Choice>? {
        guard let word = text(name) else { return nil }
        guard let choice = choices[word.value] else {
            let all = choices.keys.sorted().joined(separator: ", ")
            let suggestion = NearestName.suggestion(for: word.value, among: choices.keys)
            context.error(
                .invalidValue,
                at: word.position,
                "\(name) is \(word.value), and must be one of \(all)\(suggestion)"
            )
            return nil
        }
        return Located(value: choice, position: word.position)
    }

    private func described(_ value: YAMLValue) -> String {
        guard case .scalar(let scalar) = value.content else { return value.typeName }
        return scalar.isPlain ? scalar.text : "the text \(scalar.text)"
    }
}

// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Who may ask for the explanation of a request with the request itself: `MeshConfiguration.explanations`.
///
/// Whoever knows the secret sends it in `x-mesh-explain` and finds in the response's `x-mesh-explanation` what decided:
/// one line of JSON, whose other bytes than printable ASCII, and `%`, are percent-encoded. The request's field ends here,
/// whatever it says. Answers that the mesh gives itself have the field, too; errors without an answer have none, and
/// neither has anything while the mesh is disabled.
public struct ExplanationAccess: Sendable, CustomStringConvertible {
    /// The request's field, whose value must be the secret.
    public static let requestHeader: HeaderName = "x-mesh-explain"
    /// The response's field.
    public static let responseHeader: HeaderName = "x-mesh-explanation"

    /// What authorised callers know: 16 to 256 printable ASCII characters.
    public var secret: String
    /// How many bytes the response's field may have, 256 to 8192; what does not fit is left out, and the field says so.
    ///
    /// Default 2048, which leaves most of what common servers take for all fields together.
    public var maximumLength: Int

    /// Creates the access.
    public init(secret: String, maximumLength: Int = 2048) {
        self.secret = secret
        self.maximumLength = maximumLength
    }

    /// What may stand in a log: not the secret.
    public var description: String { "explanations of at most \(maximumLength) bytes, by a secret" }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken; it does not tell the secret.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        let length = secret.utf8.count
        problems.require((16...256).contains(length), "secret", "must have from 16 to 256 bytes, has \(length)")
        // Blanks at its ends would not arrive, and a comma joins two fields.
        let isPlain = secret.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ",") }
        problems.require(isPlain, "secret", "must be printable ASCII without blanks and commas")
        problems.require(
            (256...8192).contains(maximumLength),
            "maximumLength",
            "must be from 256 to 8192, is \(maximumLength)"
        )
        try problems.throwIfAny()
    }

    /// Whether a value is the secret, in a time that tells nothing but whether the lengths are equal.
    func admits(_ value: String) -> Bool {
        guard value.utf8.count == secret.utf8.count else { return false }
        var difference: UInt8 = 0
        for (given, known) in zip(value.utf8, secret.utf8) { difference |= given ^ known }
        return difference == 0
    }
}

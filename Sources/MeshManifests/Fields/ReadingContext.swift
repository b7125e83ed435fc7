// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What the readers of one file's manifests share: where to report to, and the file's text.
final class ReadingContext {
    private(set) var diagnostics: [Diagnostic] = []
    /// How often something was found wrong, counted again where it was found again: what stands under an alias is read
    /// as often as it is used.
    private(set) var errorCount = 0
    private var reported: Set<Diagnostic> = []
    private let source: SourceText

    init(source: SourceText) {
        self.source = source
    }

    func report(
        _ severity: Diagnostic.Severity,
        _ code: Diagnostic.Code,
        at position: SourcePosition,
        _ message: String
    ) {
        if severity == .error { errorCount += 1 }
        // A field that is asked for twice is wrong only once.
        let diagnostic = Diagnostic(severity, code, at: position, message)
        if reported.insert(diagnostic).inserted { diagnostics.append(diagnostic) }
    }

    func error(_ code: Diagnostic.Code, at position: SourcePosition, _ message: String) {
        report(.error, code, at: position, message)
    }

    func warning(_ code: Diagnostic.Code, at position: SourcePosition, _ message: String) {
        report(.warning, code, at: position, message)
    }

    /// The place of a byte inside a scalar.
    func position(of offset: Int, in text: Located<String>) -> SourcePosition {
        source.position(of: offset, in: text.value, at: text.position)
    }
}

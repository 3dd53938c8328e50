/// Names of several tokens as their labels tell: `B-PER I-PER O` is one name, of two tokens.
public struct TagSpan: Hashable, Sendable {
  /// `PER` of `B-PER`.
  public var kind: String
  /// The tokens of the name.
  public var range: Range<Int>
}

extension TagSpan {
  /// Whether labels mark spans: every one is `O`, or begins with B-, I-, E-, L-, S- or U-, and some begin with B-, S- or U-.
  public static func areMarked(by tags: [String]) -> Bool {
    tags.allSatisfy { $0 == "O" || parts($0) != nil }
      && tags.contains { parts($0).map { "BSU".contains($0.mark) } ?? false }
  }

  /// The spans of a text, as the evaluation of CoNLL's shared tasks has them: a span also begins where its kind changes, even
  /// if no label says so.
  public static func spans(of tags: [String]) -> [TagSpan] {
    var spans: [TagSpan] = []
    var open: (kind: String, start: Int)?
    func close(_ end: Int) {
      if let open { spans.append(TagSpan(kind: open.kind, range: open.start..<end)) }
      open = nil
    }
    for (place, tag) in tags.enumerated() {
      guard let (mark, kind) = parts(tag) else {
        close(place)
        continue
      }
      if "BSU".contains(mark) || open?.kind != kind {
        close(place)
        open = (kind, place)
      }
      if "ELSU".contains(mark) { close(place + 1) }
    }
    close(tags.count)
    return spans
  }

  /// The mark and the kind of a label; nil of one that has none.
  private static func parts(_ tag: String) -> (mark: Character, kind: String)? {
    guard let mark = tag.first, "BIELSU".contains(mark), tag.dropFirst().first == "-" else { return nil }
    return (mark, String(tag.dropFirst(2)))
  }
}

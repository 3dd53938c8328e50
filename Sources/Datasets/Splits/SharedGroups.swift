import AviaryDiagnostics

/// Groups with members in two parts of data that are in different places: a plan keeps a group together only within one.
public struct SharedGroups: Equatable, Sendable {
  /// The names of the groups, in the order of their bytes.
  public let names: [String]
  /// The part beside the training.
  public let part: String

  /// The groups of the training that another part has, too; nil where there are none.
  ///
  /// - Parameters:
  ///   - training, others: the group of each item.
  ///   - part: what the other part is called.
  public init?(_ training: some Sequence<String>, _ others: some Sequence<String>, part: String) {
    let known = Set(training.map { ExactText($0) })
    names = others.filter { known.contains(ExactText($0)) }.distinct
    self.part = part
    if names.isEmpty { return nil }
  }

  /// A line for a person.
  public var remark: String {
    (names.count == 1 ? "1 group is" : "\(names.count) groups are")
      + " in the training and in the \(part) part, such as '\(names[0])'"
  }
}

/// Why networks cannot answer together.
public enum EnsembleFault: Swift.Error, Equatable, Sendable, CustomStringConvertible {
  /// A network has a class that the first one does not have, or lacks one.
  case otherClasses(path: String, name: String, isMissing: Bool, first: String)
  /// A network does not say what its outputs are called, and the first one does, or the other way round.
  case unnamedClasses(path: String, first: String)
  /// A network has two classes of one name.
  case sameClass(path: String, name: String)
  /// A network predicts another column, or classes where the first one estimates numbers.
  case otherTarget(path: String, found: String, first: String, expected: String)
  /// A rule is for classes, and numbers are estimated.
  case notForNumbers(EnsembleRule)
  /// There are other than as many weights as networks.
  case weightCount(weights: Int, members: Int)
  /// There is nothing to fit weights to.
  case nothingToFit

  public var description: String {
    switch self {
    case .otherClasses(let path, let name, let isMissing, let first):
      isMissing
        ? "\(path): has no class '\(name)', which \(first) has; an ensemble needs the same classes"
        : "\(path): has the class '\(name)', which \(first) does not have; an ensemble needs the same classes"
    case .unnamedClasses(let path, let first):
      "\(path): only one of it and \(first) names its classes, so that they cannot be matched; name them with --classes"
    case .sameClass(let path, let name): "\(path): has two classes '\(name)', which cannot be told apart"
    case .otherTarget(let path, let found, let first, let expected):
      "\(path): predicts \(found), and \(first) \(expected); an ensemble needs the same target"
    case .notForNumbers(let rule): "--ensemble \(rule.rawValue) is for classes; for numbers use mean or weighted"
    case .weightCount(let weights, let members):
      "--weights: \(weights) weights for \(members) checkpoints; give one for each"
    case .nothingToFit: "--ensemble weighted: there are no items to fit the weights to; give some with --validation"
    }
  }
}

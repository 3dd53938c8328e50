import ArgumentParser

/// A property of a command that the command line can set.
private protocol SettableOption {
  /// The names of the given options: the property's own, or those of its group.
  func given(named name: String) -> [String]
}

extension Option: SettableOption {
  fileprivate func given(named name: String) -> [String] { holdsSomething(wrappedValue) ? ["--" + name] : [] }
}

extension Flag: SettableOption {
  fileprivate func given(named name: String) -> [String] { holdsSomething(wrappedValue) ? ["--" + name] : [] }
}

extension OptionGroup: SettableOption {
  fileprivate func given(named name: String) -> [String] { wrappedValue.givenOptions }
}

extension ParsableArguments {
  /// The options that were given, in the order of their declarations, groups included. Only nil, false and empty count as not
  /// given, so every option needs such a default.
  var givenOptions: [String] {
    Mirror(reflecting: self).children.flatMap { child in
      // The storage of a property wrapper is the property's name behind an underscore.
      (child.value as? any SettableOption)?.given(named: kebabCase((child.label ?? "").drop { $0 == "_" })) ?? []
    }
  }
}

private func holdsSomething(_ value: Any) -> Bool {
  let mirror = Mirror(reflecting: value)
  switch mirror.displayStyle {
  case .optional, .collection: return !mirror.children.isEmpty
  // A flag without an inversion is given where it is on.
  default: return value as? Bool ?? true
  }
}

/// `minMax` as the command line spells it: `min-max`.
func kebabCase(_ name: some StringProtocol) -> String {
  name.reduce(into: "") { $0 += $1.isUppercase ? "-" + $1.lowercased() : String($1) }
}

import AviaryCheckpoints

/// The type of numbers that Keras computes a layer in.
enum KerasDeclaredPolicy {
  private static let others: Set<String> = ["float16", "bfloat16", "float64", "mixed_float16", "mixed_bfloat16"]

  /// The layer's policy where it is another than float32: "mixed_float16".
  static func name(in configuration: JSONValue) -> String? {
    let given = configuration["dtype"]
    // A policy by layer names the one of those that it does not name.
    let policy = given?["config"]?["default_policy"] ?? given
    return (policy?.text ?? policy?["config"]?["name"]?.text).flatMap { others.contains($0) ? $0 : nil }
  }
}

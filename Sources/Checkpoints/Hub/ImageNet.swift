/// What is known of ImageNet's 1000 classes.
package enum ImageNet {
  /// A name for each output, in their order, no two the same.
  package static let names = HubDescription.distinct(imageNetNames.split(separator: "\n").map(String.init))
}

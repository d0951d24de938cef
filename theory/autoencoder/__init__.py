"""The solvable autoencoder (Cui, Pehlevan, Lu): learning, generation, retraining."""

// A provider for tests: one client, whoever says who they are is believed, and PKCE is a must.
import http from 'node:http';
import { Provider } from 'oidc-provider';

const server = http.createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'acquaint',
      client_secret: 'a-secret-of-the-provider',
      redirect_uris: [process.argv[2]],
    }],
    pkce: { required: () => true, methods: ['S256'] },
    claims: { profile: ['name'], email: ['email'] },
    // Names and addresses stand in the ID token.
    conformIdTokenClaims: false,
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, name: `${id} by the provider`, email: `${id}@example.org` }),
    }),
    features: { devInteractions: { enabled: true } },
  });
  server.on('request', provider.callback());
  console.log(issuer);
});
